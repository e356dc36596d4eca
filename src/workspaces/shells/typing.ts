/** What is typed into a shell: it waits here until the guest takes it, and only so much may wait. */
import { Readable } from "node:stream";
import { PyroError } from "../../contract/errors.ts";
import { Bell } from "./bell.ts";

/** How long something typed earlier may keep new input out, in milliseconds (docs/design/limits.md). */
const PATIENCE_MS = 5_000;

export class Typing {
  readonly #bell = new Bell();
  #waiting: Buffer[] = [];
  #is_over = false;

  /** Standard input of the shell; read once. */
  readonly stream = Readable.from(this.#taken(), { objectMode: true, highWaterMark: 1 });

  /** Adds all of it, once nothing else waits. Throws `shell_input_full` where that takes too long: nothing was typed then. */
  async add(bytes: Buffer, signal: AbortSignal, patience_ms = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + patience_ms;
    while (this.#waiting.length > 0 && !this.#is_over && !signal.aborted && performance.now() < deadline)
      await this.#bell.heard(deadline - performance.now(), signal);
    if (signal.aborted) throw new PyroError("cancelled", "Nothing was typed: the call was cancelled");
    if (this.#waiting.length > 0 && !this.#is_over)
      throw new PyroError("shell_input_full", "The program in the shell does not read what is typed");
    this.#waiting.push(bytes);
    this.#bell.ring();
  }

  /** Nothing is taken any more. */
  end(): void {
    this.#is_over = true;
    this.#waiting = [];
    this.#bell.ring();
  }

  async *#taken(): AsyncGenerator<Buffer> {
    const { signal } = new AbortController();
    while (!this.#is_over) {
      const next = this.#waiting[0];
      if (next === undefined) {
        await this.#bell.heard(Number.POSITIVE_INFINITY, signal);
        continue;
      }
      yield next;
      this.#waiting.shift();
      this.#bell.ring();
    }
  }
}
