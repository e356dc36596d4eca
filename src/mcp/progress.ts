/** Tells a waiting client every few seconds that work goes on, and how far it is. */
import type { Emit, OperationEvent } from "../contract/progress.ts";

/** How a client is told, with a number that only grows. */
export type Tell = (progress: { readonly progress: number; readonly message: string; readonly total?: number }) => void;

const LINE_CHARS = 200;

export class Progress {
  readonly #tell: Tell;
  readonly #timer: NodeJS.Timeout;
  readonly #began = performance.now();
  #message = "";
  #printed = 0;
  #count = 0;
  #isNew = false;

  constructor(tell: Tell, every_ms: number) {
    this.#tell = tell;
    this.#timer = setInterval(() => this.#say(), every_ms);
    this.#timer.unref();
  }

  readonly emit: Emit = (event) => {
    if ("data" in event) this.#printed += event.data.length;
    const message = "data" in event ? lastLine(event) : event.message;
    if (message === "") return;
    this.#message = message;
    // What pyro itself does is told as it begins; a program's lines wait for the next time.
    if (!("data" in event) && !this.#isNew) {
      this.#isNew = true;
      setImmediate(() => this.#say());
    }
  };

  end(): void {
    clearInterval(this.#timer);
    this.#isNew = false;
    this.#count = Number.NaN;
  }

  #say(): void {
    if (Number.isNaN(this.#count)) return;
    this.#isNew = false;
    this.#count += 1;
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    const printed = this.#printed === 0 ? "" : `, ${this.#printed} bytes printed`;
    const message = this.#message === "" ? "" : `: ${this.#message}`;
    this.#tell({ progress: this.#count, message: `${seconds} s${printed}${message}` });
  }
}

function lastLine(event: Extract<OperationEvent, { data: Uint8Array }>): string {
  const text = Buffer.from(event.data.subarray(-4 * LINE_CHARS))
    .toString("utf8")
    .trimEnd();
  return text.slice(text.lastIndexOf("\n") + 1).slice(-LINE_CHARS);
}
