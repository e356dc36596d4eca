/** What is written down of one command. */
import { z } from "zod";
import { outcome } from "../../contract/outcome.ts";

/** Longest argument, and all of them together, that a record keeps, in characters (docs/design/limits.md). */
const MAX_ARGUMENT = 2048;
const MAX_COMMAND = 8192;

const count = z.int().min(0);

export const commandRecord = z.strictObject({
  schema_version: z.literal(1),
  sequence: z.int().min(1),
  command: z.array(z.string()),
  cwd: z.string(),
  started_at: z.string().max(40),
  state: z.enum(["running", "finished"]),
  /** Null while it runs */
  exit_code: z.int().nullable(),
  timed_out: z.boolean(),
  /** Null while it runs, and where its end was not seen */
  duration_ms: count.nullable(),
  outcome: outcome.nullable(),
  stdout_bytes: count,
  stderr_bytes: count,
  /** Positions of the output that was kept at its end; more may have been dropped since */
  kept: z.array(z.strictObject({ start: count, end: count })),
  /** Why output is missing from its log although there was room */
  log_error: z.string().nullable(),
});

export type CommandRecord = Readonly<z.infer<typeof commandRecord>>;

/** A command as its record begins. */
export function newRecord(sequence: number, command: readonly string[], cwd: string, now = new Date()): CommandRecord {
  return {
    schema_version: 1,
    sequence,
    command: shortened(command),
    cwd: cut(cwd, MAX_ARGUMENT),
    started_at: now.toISOString(),
    state: "running",
    exit_code: null,
    timed_out: false,
    duration_ms: null,
    outcome: null,
    stdout_bytes: 0,
    stderr_bytes: 0,
    kept: [],
    log_error: null,
  };
}

/** A command that its keeper did not see end. */
export function cutShort(record: CommandRecord, detail: string): CommandRecord {
  return {
    ...record,
    state: "finished",
    exit_code: UNSEEN_STATUS,
    outcome: { kind: "guest_lost", detail, remedy: "pyro workspace start", retry_safe: false },
  };
}

/** Exit status of a command whose end was not seen, as for every failure of pyro's own. */
export const UNSEEN_STATUS = 125;

/** A command line as it is written down. */
export function shortened(command: readonly string[]): string[] {
  const kept: string[] = [];
  let left = MAX_COMMAND;
  for (const argument of command) {
    if (left <= 0) return [...kept, "…"];
    kept.push(cut(argument, Math.min(MAX_ARGUMENT, left)));
    left -= argument.length + 1;
  }
  return kept;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
