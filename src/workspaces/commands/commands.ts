/** The commands of one workspace in use: run, waited for, and looked up afterwards. */
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import { CommandDenials, type DenialSource } from "../../network/command-denials.ts";
import type { CommandLog } from "../history/command-log.ts";
import type { CommandHistory } from "../history/history.ts";
import { textFrom } from "../history/text.ts";
import type { Redactor } from "../secrets/redactor.ts";
import type { MachineSession } from "../session.ts";
import { conditionOf, type WaitInput } from "./conditions.ts";
import { type LogsInput, logsOf } from "./logs.ts";
import type { ExecResult, LogsResult, WaitResult } from "./results.ts";
import { RunningCommand } from "./running-command.ts";
import { waitFor } from "./waiting.ts";

export interface ExecInput {
  readonly command: readonly string[];
  readonly timeout_seconds: number;
  /** Answers once it runs */
  readonly detach: boolean;
  /** Answers after this long although it runs; absent to wait for its end */
  readonly yield_after_seconds?: number | undefined;
  /** The machine's where it is absent */
  readonly cwd?: string | undefined;
  /** Environment variables beside the machine's */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Environment variables with the values of secrets, each by the secret's name */
  readonly secret_env?: Readonly<Record<string, string>> | undefined;
}

export interface CommandContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly stdin: Readable | undefined;
}

export interface CommandsOptions {
  readonly workspace_id: string;
  readonly mem_mib: number;
  readonly history: CommandHistory;
  /** The machine; throws where there is none */
  readonly session: () => MachineSession;
  /** What a command line is written down without; nothing where it is absent */
  readonly redactor?: () => Redactor;
  /** Where denied connections are told of; absent where there are none */
  readonly denials?: DenialSource;
}

const CALLER_GONE = "its caller went away";
/** Output that an answer to `wait` has, in characters (docs/design/limits.md). */
const WAIT_OUTPUT_CHARS = 65_536;

export class Commands {
  readonly #options: CommandsOptions;
  readonly #running = new Set<RunningCommand>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  /** How many commands there were. */
  get count(): number {
    return this.#options.history.count;
  }

  /** How many commands run. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Runs a command: to its end, until `yield_after_seconds`, or detached until it has started.
   * A caller whose signal aborts before that takes the command along. What keeps a command from starting, and a guest that is lost, throw.
   */
  async exec(input: ExecInput, context: CommandContext): Promise<ExecResult> {
    if (context.signal.aborted) throw new PyroError("cancelled", "The command was cancelled before it began");
    if (input.detach && context.stdin !== undefined)
      throw new PyroError("invalid_input", "A detached command has no standard input", {
        hint: "Leave --stdin or --detach out",
      });
    const session = this.#options.session();
    const running = this.#begin(session, input, context);
    const abort = () => running.cancel(CALLER_GONE);
    // A signal of its own: many commands may share the caller's.
    const gone = AbortSignal.any([context.signal]);
    gone.addEventListener("abort", abort, { once: true });
    try {
      const error = await answerOf(running, input);
      if (error !== undefined) throw error;
      if (context.signal.aborted && running.log.record.outcome?.kind === "cancelled")
        throw new PyroError("cancelled", "The command was cancelled", { details: { sequence: running.log.sequence } });
      return resultOf(running, session);
    } finally {
      gone.removeEventListener("abort", abort);
      running.release();
    }
  }

  /** Waits for one condition; a timeout is no error. */
  async wait(input: WaitInput, { signal }: Pick<CommandContext, "signal">): Promise<WaitResult> {
    const began = performance.now();
    const condition = conditionOf(input, { session: this.#options.session, command: (at) => this.#subject(at) });
    const { reason, last_seen } = await waitFor(condition, input.timeout_seconds * 1000, signal);
    const log = condition.subject;
    const record = log?.record;
    const text = log && textFrom(log, input.cursor ?? 0, WAIT_OUTPUT_CHARS);
    return {
      reason,
      last_seen,
      waited_ms: Math.round(performance.now() - began),
      sequence: record?.sequence ?? null,
      state: record?.state ?? null,
      exit_code: record?.exit_code ?? null,
      outcome: record?.outcome ?? null,
      output: text?.output ?? "",
      cursor: text?.cursor ?? 0,
      next_cursor: text?.next_cursor ?? 0,
      truncated: text?.truncated ?? false,
    };
  }

  /** The history, or the output of one command. */
  logs(input: LogsInput): Promise<LogsResult> {
    return logsOf(this.#options.history, input);
  }

  /** Ends all running commands as cancelled; resolves when that is written down and their callers have their results. */
  async cancelAll(reason: string): Promise<void> {
    const all = [...this.#running];
    for (const running of all) running.cancel(reason);
    await Promise.all(all.map(({ finished }) => finished));
  }

  /** Resolves when every command has ended by itself, as those of a machine that is gone do. */
  async ended(): Promise<void> {
    await Promise.all([...this.#running].map(({ finished }) => finished));
  }

  #begin(session: MachineSession, input: ExecInput, { emit, stdin }: CommandContext): RunningCommand {
    const { command, cwd = session.cwd, env, timeout_seconds } = input;
    const { history, workspace_id, mem_mib } = this.#options;
    const redactor = this.#options.redactor?.();
    const log = history.begin(redactor?.document(command) ?? command, redactor?.text(cwd) ?? cwd);
    const setting = { workspace_id, mem_mib, timeout_seconds };
    const denials = new CommandDenials(this.#options.denials);
    const running = new RunningCommand(session, log, { command, cwd, env, stdin, emit, denials }, setting);
    this.#running.add(running);
    void running.finished.then(() => this.#running.delete(running));
    return running;
  }

  #subject(sequence: number | undefined): CommandLog | undefined {
    const { history } = this.#options;
    return sequence === undefined ? history.get(history.last) : history.find(sequence);
  }
}

/** Waits as long as the caller is to: until the end, the start, or for a time. What went wrong, if it did by then. */
async function answerOf(running: RunningCommand, input: ExecInput): Promise<PyroError | undefined> {
  const { detach, yield_after_seconds } = input;
  if (!detach && yield_after_seconds === undefined) return running.finished;
  if (detach) {
    await running.started;
    return running.log.is_running ? undefined : running.finished;
  }
  const timer = new AbortController();
  const waited = delay((yield_after_seconds ?? 0) * 1000, undefined, { signal: timer.signal }).catch(() => undefined);
  const error = await Promise.race([running.finished, waited]);
  timer.abort();
  return error;
}

function resultOf(running: RunningCommand, session: MachineSession): ExecResult {
  const { log, output } = running;
  const { sequence, state, cwd, exit_code, duration_ms, timed_out, outcome, log_error } = log.record;
  return {
    sequence,
    state,
    cwd,
    exit_code,
    stdout: output.stdout,
    stderr: output.stderr,
    truncated: output.truncated || log_error !== null,
    duration_ms: duration_ms ?? log.age_ms,
    timed_out,
    execution_mode: session.execution_mode,
    outcome:
      outcome && log_error !== null
        ? { ...outcome, detail: `${outcome.detail}; its log is incomplete: ${log_error}` }
        : outcome,
    cursor: log.end,
  };
}
