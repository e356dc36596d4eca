/** What is written down of one service, and what is said of it. */
import { z } from "zod";
import type { PublishedPort } from "../../network/published-ports.ts";
import { shortened } from "../history/record.ts";

export const serviceStates = ["starting", "running", "exited", "stopped", "failed"] as const;
export type ServiceState = (typeof serviceStates)[number];

const time = z.string().max(40).nullable();

export const serviceRecord = z.strictObject({
  schema_version: z.literal(1),
  name: z.string().max(64),
  command: z.array(z.string()),
  cwd: z.string(),
  state: z.enum(serviceStates),
  started_at: z.string().max(40),
  ready_at: time,
  ended_at: time,
  exit_code: z.int().nullable(),
  /** Number of its first process in the guest */
  pid: z.int().nullable(),
  stop_reason: z.string().nullable(),
  /** Numbers of its logs in the history of what services print */
  stdout_log: z.int().min(1),
  stderr_log: z.int().min(1),
});

export type ServiceRecord = Readonly<z.infer<typeof serviceRecord>>;

/** What is said of a service, on every surface. */
export interface ServiceView {
  readonly name: string;
  readonly state: ServiceState;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly started_at: string;
  readonly ready_at: string | null;
  readonly ended_at: string | null;
  readonly exit_code: number | null;
  readonly pid: number | null;
  readonly stop_reason: string | null;
  readonly published_ports: readonly PublishedPort[];
  readonly stdout_bytes: number;
  readonly stderr_bytes: number;
}

/** Whether a service in that state has processes. */
export function isLive({ state }: Pick<ServiceRecord, "state">): boolean {
  return state === "starting" || state === "running";
}

/** A service as its record begins. */
export function newServiceRecord(
  name: string,
  command: readonly string[],
  cwd: string,
  logs: Pick<ServiceRecord, "stdout_log" | "stderr_log">,
): ServiceRecord {
  return {
    schema_version: 1,
    name,
    command: shortened(command),
    cwd,
    state: "starting",
    started_at: new Date().toISOString(),
    ready_at: null,
    ended_at: null,
    exit_code: null,
    pid: null,
    stop_reason: null,
    ...logs,
  };
}

/** A service that its keeper did not see end. */
export function cutShort(record: ServiceRecord): ServiceRecord {
  return isLive(record) ? { ...record, state: "failed", stop_reason: "its keeper ended" } : record;
}
