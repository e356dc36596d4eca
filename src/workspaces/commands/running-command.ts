/** One command from its start to its end: what it prints goes into its log, and to its caller as long as that one waits. */
import { Readable } from "node:stream";
import { type PyroError, toPyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import type { CommandDenials } from "../../network/command-denials.ts";
import { failpoint } from "../../platform/failpoint.ts";
import type { ExecEnded } from "../../wire/messages.ts";
import { exitStatus } from "../exit-status.ts";
import type { CommandLog } from "../history/command-log.ts";
import type { OutputStream } from "../history/frames.ts";
import { OutputCapture } from "../output-capture.ts";
import { promised } from "../promised.ts";
import type { MachineSession } from "../session.ts";
import { endOf, type OutcomeSetting, outcomeOf } from "./outcomes.ts";

export interface CommandRequest {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>> | undefined;
  readonly stdin: Readable | undefined;
  readonly emit: Emit;
  /** Its denied connections */
  readonly denials: CommandDenials;
}

export class RunningCommand {
  readonly log: CommandLog;
  /** Resolves once the program runs, or will not */
  readonly started: Promise<void>;
  /** Resolves when it has ended and that is written down: with what kept it from a result, unless it was cancelled */
  readonly finished: Promise<PyroError | undefined>;
  readonly #cancellation = new AbortController();
  readonly #setting: OutcomeSetting;
  readonly #emit: Emit;
  readonly #denials: CommandDenials;
  #captures = { stdout: new OutputCapture(), stderr: new OutputCapture() };
  #cancelled: string | undefined;
  #is_attended = true;
  #stopWaiting = () => {};

  constructor(session: MachineSession, log: CommandLog, request: CommandRequest, setting: OutcomeSetting) {
    this.log = log;
    this.#setting = setting;
    this.#emit = request.emit;
    this.#denials = request.denials;
    const start = promised();
    this.started = start.promise;
    this.finished = this.#run(session, request, start.resolve).finally(start.resolve);
  }

  /** What it has printed to its caller, and whether more than that is kept of it nowhere. */
  get output(): { readonly stdout: string; readonly stderr: string; readonly truncated: boolean } {
    const { stdout, stderr } = this.#captures;
    return { stdout: stdout.text(), stderr: stderr.text(), truncated: stdout.truncated || stderr.truncated };
  }

  /** Kills it with everything it started, and lets it end as cancelled for this reason. */
  cancel(reason: string): void {
    this.#cancelled ??= reason;
    this.#cancellation.abort();
  }

  /** Its caller waits no longer: it goes on at its own pace, and only its log gets what it prints. */
  release(): void {
    this.#is_attended = false;
    this.#captures = { stdout: new OutputCapture(), stderr: new OutputCapture() };
    this.#stopWaiting();
  }

  async #run(session: MachineSession, request: CommandRequest, onStart: () => void): Promise<PyroError | undefined> {
    const { command, cwd, env, stdin } = request;
    try {
      await failpoint("exec.accepted");
      const ended = await session.exec({
        argv: command,
        cwd,
        env,
        timeout_ms: this.#setting.timeout_seconds * 1000,
        stdin: stdin && Readable.from(this.#untilReleased(stdin)),
        signal: this.#cancellation.signal,
        onStart: (pid) => {
          this.#denials.begin(pid);
          onStart();
        },
        onOutput: (stream, data) => this.#take(stream, data),
      });
      await failpoint("exec.exit_seen");
      this.#end(ended);
      await failpoint("exec.log_flushed");
      return undefined;
    } catch (thrown) {
      this.#denials.end();
      const error = toPyroError(thrown);
      this.log.finish(endOf(error, this.#cancelled, this.log.age_ms));
      return this.#cancelled === undefined ? error : undefined;
    }
  }

  #end(ended: ExecEnded): void {
    const outcome = outcomeOf(ended, this.#setting, this.#denials.end());
    const { timed_out, duration_ms } = ended;
    this.log.finish({ exit_code: exitStatus(ended), timed_out, duration_ms, outcome });
  }

  /** The log comes first, and does not wait for the caller; a caller who is slow holds the guest back. */
  #take(type: OutputStream, data: Buffer): void | Promise<void> {
    this.log.append(type, data);
    if (!this.#is_attended) return undefined;
    this.#captures[type].push(data);
    const taken = this.#emit({ type, data });
    return (
      taken &&
      new Promise((resolve, reject) => {
        this.#stopWaiting = resolve;
        taken.then(resolve, reject);
      })
    );
  }

  async *#untilReleased(stdin: Readable): AsyncGenerator<Uint8Array | string> {
    try {
      for await (const chunk of stdin) yield chunk;
    } catch (thrown) {
      // Input that ends with its caller is over, not broken.
      if (this.#is_attended) throw thrown;
    }
  }
}
