/** Output of a command without the values of secrets, in its order, and at once but for what may be the beginning of one. */
import type { OutputSink } from "../../wire/exec-stream.ts";
import type { RedactingStream } from "./redacting-stream.ts";
import type { Redactor } from "./redactor.ts";

/** How long output must pause until the few bytes that wait are shown, in milliseconds (docs/design/limits.md). */
const PAUSE_MS = 100;

type Kind = Parameters<OutputSink>[0];

/** Stands before a sink. */
export class RedactedOutput {
  readonly #sink: OutputSink;
  readonly #streams: Readonly<Record<Kind, RedactingStream>>;
  readonly #timers = new Map<Kind, NodeJS.Timeout>();
  /** What a pause has shown, until the sink has taken it */
  #settled: Promise<void> | undefined;

  constructor(redactor: Redactor, sink: OutputSink) {
    this.#sink = sink;
    this.#streams = { stdout: redactor.stream(), stderr: redactor.stream() };
  }

  async take(kind: Kind, data: Buffer): Promise<void> {
    clearTimeout(this.#timers.get(kind));
    await this.#settled;
    const stream = this.#streams[kind];
    await this.#show(kind, stream.push(data));
    if (stream.isHolding)
      this.#timers.set(
        kind,
        setTimeout(() => this.#settle(kind), PAUSE_MS),
      );
  }

  /** Gives what waits: no more comes. */
  async end(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await this.#settled;
    for (const kind of ["stdout", "stderr"] as const) await this.#show(kind, this.#streams[kind].end());
  }

  /** The same where the command was cut off: nobody is waited for. */
  abandon(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const kind of ["stdout", "stderr"] as const) this.#show(kind, this.#streams[kind].end()).catch(() => {});
  }

  async #show(kind: Kind, data: Buffer): Promise<void> {
    if (data.length > 0) await this.#sink(kind, data);
  }

  /** Whoever comes next waits for it, and is told where the sink fails. */
  #settle(kind: Kind): void {
    const before = this.#settled;
    const shown = (async () => {
      await before;
      await this.#show(kind, this.#streams[kind].settle());
    })();
    shown.catch(() => {});
    this.#settled = shown;
  }
}
