/** What is said of a service that did not become ready: how it ended, and the end of what it printed. */
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import type { CommandLog } from "../history/command-log.ts";
import type { RunningService } from "./running-service.ts";
import type { ServiceLogs } from "./service-book.ts";
import { tailStart } from "./service-output.ts";
import type { ServiceRecord } from "./service-record.ts";

/** Lines and bytes of each log that an error carries (docs/design/limits.md). */
const TAIL_LINES = 20;
const TAIL_BYTES = 2_048;

/** The error for a service that was stopped because its time was over. */
export function neverReady(
  { name }: ServiceRecord,
  logs: ServiceLogs,
  { ready_timeout_seconds }: { readonly ready_timeout_seconds: number },
  last_seen: string,
): PyroError {
  const seen = last_seen === "" ? "" : `; last seen: ${cleanText(last_seen)}`;
  const what = `The service "${name}" was not ready within ${ready_timeout_seconds} s and was stopped${seen}`;
  return withTails("service_not_ready", what, logs, { service_name: name, last_seen });
}

/** The error for a service that has ended before it was ready. */
export function failedStart(service: RunningService, logs: ServiceLogs, workspace_id: string): PyroError {
  const { name, state, exit_code, stop_reason } = service.record;
  const { error } = service;
  if (error !== undefined) return error;
  const reason = stop_reason ?? "it ended";
  if (state === "stopped") return new PyroError("cancelled", `The service "${name}" was not ready yet: ${reason}`);
  const hint = `pyro workspace service logs ${workspace_id} ${name}`;
  const what = `The service "${name}" ended before it was ready: ${reason}`;
  return withTails("service_failed", what, logs, { service_name: name, exit_code }, hint);
}

function withTails(
  code: "service_failed" | "service_not_ready",
  what: string,
  logs: ServiceLogs,
  details: Readonly<Record<string, unknown>>,
  hint?: string,
): PyroError {
  const stdout_tail = tailOf(logs.stdout);
  const stderr_tail = tailOf(logs.stderr);
  const shown = Object.entries({ stdout: stdout_tail, stderr: stderr_tail }).map(([stream, text]) =>
    text === "" ? "" : `\n${stream}:\n${text.trimEnd().replace(/^/gm, "  ")}`,
  );
  const more = { details: { ...details, stdout_tail, stderr_tail }, ...(hint !== undefined && { hint }) };
  return new PyroError(code, `${what}${shown.join("")}`, more);
}

function tailOf(log: CommandLog): string {
  const start = Math.max(tailStart(log, TAIL_LINES), log.end - TAIL_BYTES);
  return cleanText(Buffer.concat([...log.pieces(start)].map(({ bytes }) => bytes)).toString("utf8"));
}
