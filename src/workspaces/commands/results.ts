/** What is answered about commands: fields as they are on every surface. */
import type { ExecutionMode } from "../../contract/fields.ts";
import type { Outcome } from "../../contract/outcome.ts";

export interface ExecResult {
  readonly sequence: number;
  readonly state: "running" | "finished";
  readonly cwd: string;
  /** Null while it runs */
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whether output is missing here, or in the log */
  readonly truncated: boolean;
  readonly duration_ms: number;
  readonly timed_out: boolean;
  readonly execution_mode: ExecutionMode;
  /** Null while it runs */
  readonly outcome: Outcome | null;
  /** Where output begins that is not in this result */
  readonly cursor: number;
}

export interface WaitResult {
  readonly reason: "matched" | "timeout" | "target_died";
  /** What was there at the last look */
  readonly last_seen: string;
  readonly waited_ms: number;
  /** The command whose output this is; null where there is none, and so are its state and end */
  readonly sequence: number | null;
  readonly state: "running" | "finished" | null;
  readonly exit_code: number | null;
  readonly outcome: Outcome | null;
  readonly output: string;
  readonly cursor: number;
  readonly next_cursor: number;
  readonly truncated: boolean;
}

/** One command in the list. */
export interface CommandSummary {
  readonly sequence: number;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly state: "running" | "finished";
  readonly exit_code: number | null;
  readonly outcome_kind: Outcome["kind"] | null;
  readonly started_at: string;
  readonly duration_ms: number | null;
  readonly timed_out: boolean;
  readonly stdout_bytes: number;
  readonly stderr_bytes: number;
  /** Whether output of it is not kept */
  readonly truncated: boolean;
  /** Its last lines of output; empty for all but the newest commands */
  readonly last_lines: string;
}

/** The history without a sequence, a command's output with one. */
export interface LogsResult {
  readonly commands: readonly CommandSummary[];
  readonly output: string;
  readonly cursor: number;
  readonly next_cursor: number;
  readonly truncated: boolean;
}
