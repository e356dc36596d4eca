/** Whether a workspace runs: seen by asking, never by what is written down. */
import { z } from "zod";
import { toPyroError } from "../contract/errors.ts";
import { field } from "../contract/fields.ts";
import { withDeadline } from "../platform/deadline.ts";
import { listDirectory } from "../platform/files.ts";
import type { WorkspacePaths } from "../store/paths.ts";
import { serviceOfFile, servicePaths } from "../store/service-paths.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { lastActivity } from "../workspaces/live/activity.ts";
import type { Observed } from "../workspaces/workspace-view.ts";
import { callKeeper } from "./control-client.ts";

/** How long a keeper may take to say how it is, in milliseconds. */
const ANSWER_MS = 2_000;

const servicePort = z.object({ service: z.string(), host: z.string(), host_port: z.int(), guest_port: z.int() });

/** What a keeper of any version says: the rest of a status is on record. */
const keepersView: z.ZodType<Observed> = z.object({
  state: z.enum(["starting", "started", "stopped", "failed"]),
  execution_mode: field.executionMode.nullable(),
  command_count: z.int(),
  service_count: z.int().default(0),
  running_service_count: z.int().default(0),
  published_ports: z.array(servicePort).default([]),
  /** Not said by a keeper that is older than shells */
  shell_count: z.int().default(0),
  last_activity_at: z.string(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** What the keeper says; undefined where there is none, or it has just gone. */
export async function observe(record: WorkspaceRecord, paths: WorkspacePaths): Promise<Observed | undefined> {
  try {
    const answer = await withDeadline(ANSWER_MS, undefined, (signal) =>
      callKeeper(paths.directory, "status", {}, { signal, emit: () => {} }),
    );
    return answer && keepersView.parse(answer.result);
  } catch (thrown) {
    const failure = failureOf(thrown);
    return failure.code === "keeper_lost" ? undefined : { ...resting(record, paths), state: "failed", failure };
  }
}

/** What can be said without a keeper. */
export function resting(record: WorkspaceRecord, paths: WorkspacePaths): Observed {
  const counts = { command_count: commandCount(record, paths), service_count: serviceCount(record, paths) };
  const none = { execution_mode: null, running_service_count: 0, published_ports: [], shell_count: 0 };
  const seen = { ...none, ...counts, ...activity(record, paths) };
  if (record.intent === "creating") return { ...seen, state: "starting", failure: null };
  if (record.wanted === "stopped") return { ...seen, state: "stopped", failure: null };
  const failure = record.failure ?? { code: "keeper_lost", message: "the process that kept it ended" };
  return { ...seen, state: "failed", failure: { code: failure.code, message: failure.message } };
}

function failureOf(thrown: unknown): NonNullable<Observed["failure"]> {
  if (thrown instanceof z.ZodError)
    return { code: "keeper_outdated", message: "its keeper is of another version of pyro" };
  const { code, message } = toPyroError(thrown);
  return code === "cancelled" ? { code: "keeper_stalled", message: "its keeper does not answer" } : { code, message };
}

function activity(record: WorkspaceRecord, paths: WorkspacePaths): { last_activity_at: string } {
  try {
    return { last_activity_at: lastActivity(record, paths) };
  } catch {
    return { last_activity_at: record.created_at };
  }
}

/** Commands that its history has. */
function commandCount({ reset_count }: WorkspaceRecord, paths: WorkspacePaths): number {
  return namesIn(paths.commands(reset_count)).filter((name) => /^\d+\.json$/.test(name)).length;
}

/** Services that its history has. */
function serviceCount({ reset_count }: WorkspaceRecord, paths: WorkspacePaths): number {
  return namesIn(servicePaths(paths.history(reset_count)).records).filter((name) => serviceOfFile(name)).length;
}

/** None where it cannot be read. */
function namesIn(directory: string): string[] {
  try {
    return listDirectory(directory);
  } catch {
    return [];
  }
}
