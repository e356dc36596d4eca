/** One shell: a program on a terminal in the guest, whose output is taken at once and kept, whoever reads it. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { PyroError, toPyroError } from "../../contract/errors.ts";
import type { ExecEnded } from "../../wire/messages.ts";
import { exitStatus } from "../exit-status.ts";
import type { MachineSession, TerminalSize } from "../session.ts";
import { Bell } from "./bell.ts";
import { Scrollback } from "./scrollback.ts";
import { Typing } from "./typing.ts";

/** Time for the guest to end everything on a terminal that was closed, in milliseconds (docs/design/limits.md). */
const CLOSING_MS = 5_000;
const CLOSING_LOOK_MS = 5;

export interface ShellRequest extends TerminalSize {
  /** Absolute path in the machine */
  readonly cwd: string;
  /** How callers know that path */
  readonly shown_cwd: string;
  /** Variables beside the machine's and the terminal's own */
  readonly env: Readonly<Record<string, string>>;
}

/** What is said of a shell. */
export interface ShellView {
  readonly shell_id: string;
  /** The program that was started */
  readonly program: string;
  readonly cwd: string;
  readonly cols: number;
  readonly rows: number;
  readonly state: "running" | "exited";
  /** Null while it runs, and where it was closed */
  readonly exit_code: number | null;
  readonly started_at: string;
  readonly ended_at: string | null;
}

/** Programs to try, in order: as interactive as a person's own. */
const programs: readonly (readonly string[])[] = [
  ["/bin/bash", "--login"],
  ["/bin/sh", "-i"],
  ["sh", "-i"],
];

export class Shell {
  readonly shell_id = `sh-${randomBytes(4).toString("hex")}`;
  readonly scrollback = new Scrollback();
  /** Rings at output, at the end, and at nothing else */
  readonly bell = new Bell();
  readonly typing = new Typing();
  readonly #session: MachineSession;
  readonly #request: ShellRequest;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #closing = new AbortController();
  readonly #started_at = new Date().toISOString();
  #size: TerminalSize;
  #program = "";
  #pid = 0;
  #end: { readonly exit_code: number | null; readonly at: string } | undefined;
  #error: PyroError | undefined;
  #last_output = 0;

  private constructor(session: MachineSession, request: ShellRequest) {
    this.#session = session;
    this.#request = request;
    this.#size = { cols: request.cols, rows: request.rows };
  }

  /** Starts the first of the programs that the guest has. Throws `no_shell` where it has none. */
  static async open(session: MachineSession, request: ShellRequest): Promise<Shell> {
    for (const argv of programs) {
      try {
        return await new Shell(session, request).#start(argv);
      } catch (thrown) {
        if (toPyroError(thrown).code !== "command_not_found") throw thrown;
      }
    }
    throw new PyroError("no_shell", `No shell is in this environment: ${programs.map(([path]) => path).join(", ")}`, {
      details: { tried: programs.map(([path]) => path) },
    });
  }

  get view(): ShellView {
    return {
      shell_id: this.shell_id,
      program: this.#program,
      cwd: this.#request.shown_cwd,
      ...this.#size,
      state: this.#end === undefined ? "running" : "exited",
      exit_code: this.#end?.exit_code ?? null,
      started_at: this.#started_at,
      ended_at: this.#end?.at ?? null,
    };
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  get size(): TerminalSize {
    return this.#size;
  }

  /** What ended it other than itself or a caller */
  get error(): PyroError | undefined {
    return this.#error;
  }

  /** When it last printed something, as `performance.now` has it */
  get lastOutput(): number {
    return this.#last_output;
  }

  /** Types text. Throws `shell_exited` or `shell_input_full`. */
  async type(bytes: Buffer, signal: AbortSignal, patience_ms?: number): Promise<void> {
    this.#requireRunning();
    await this.typing.add(bytes, signal, patience_ms);
    this.#requireRunning();
  }

  /** Sends a signal to what is in its foreground, or to all of it. Throws `shell_exited`. */
  async signal(number: number): Promise<void> {
    this.#requireRunning();
    if (!(await this.#session.signal(this.#pid, number))) throw this.#exited();
  }

  async resize(size: TerminalSize): Promise<void> {
    this.#requireRunning();
    if (!(await this.#session.resize(this.#pid, size))) throw this.#exited();
    this.#size = size;
  }

  /** Ends it with everything it started; resolves when the guest has done so. */
  async close(): Promise<void> {
    if (!this.isRunning) return;
    this.end();
    const deadline = performance.now() + CLOSING_MS;
    // Its terminal is forgotten only once nothing is left on it.
    while (performance.now() < deadline && (await this.#session.resize(this.#pid, this.#size)))
      await delay(CLOSING_LOOK_MS);
  }

  /** The same without waiting for the guest. */
  end(): void {
    this.#closing.abort();
    this.#ended(null);
  }

  #start(argv: readonly string[]): Promise<this> {
    this.#program = argv.join(" ");
    const { cols, rows, cwd, env } = this.#request;
    return new Promise((resolve, reject) => {
      const running = this.#session.exec({
        argv,
        cwd,
        env: { TERM: "xterm-256color", ...env },
        timeout_ms: null,
        stdin: this.typing.stream,
        pty: { cols, rows },
        signal: this.#closing.signal,
        onStart: (pid) => {
          this.#pid = pid;
          resolve(this);
        },
        onOutput: (_, data) => this.#take(data),
      });
      running.then(
        (ended) => this.#finish(ended),
        (thrown: unknown) => {
          if (this.isRunning) this.#error = toPyroError(thrown);
          this.#ended(null);
          reject(thrown);
        },
      );
    });
  }

  #take(data: Buffer): void {
    this.#print(this.#decoder.decode(data, { stream: true }));
  }

  #print(text: string): void {
    if (text === "") return;
    this.scrollback.append(text);
    this.#last_output = performance.now();
    this.bell.ring();
  }

  #finish(ended: ExecEnded): void {
    this.#print(this.#decoder.decode());
    this.#ended(exitStatus(ended));
  }

  #ended(exit_code: number | null): void {
    this.#end ??= { exit_code, at: new Date().toISOString() };
    this.typing.end();
    this.bell.ring();
  }

  #requireRunning(): void {
    if (!this.isRunning) throw this.#exited();
  }

  #exited(): PyroError {
    const { exit_code } = this.view;
    const how = exit_code === null ? "was closed" : `ended with exit code ${exit_code}`;
    return new PyroError("shell_exited", `The shell "${this.shell_id}" ${how}`, {
      details: { shell_id: this.shell_id, exit_code },
    });
  }
}
