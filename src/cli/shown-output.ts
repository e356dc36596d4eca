/** Output of a guest on its way to where it is shown: on a terminal only what draws, anywhere else byte for byte. */
import { TerminalText } from "../contract/terminal-text.ts";

export class ShownOutput {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #filter: TerminalText | undefined;

  constructor(isTerminal: boolean) {
    this.#filter = isTerminal ? new TerminalText("screen") : undefined;
  }

  push(data: Uint8Array): Uint8Array {
    return this.#filter === undefined
      ? data
      : Buffer.from(this.#filter.push(this.#decoder.decode(data, { stream: true })));
  }

  /** What is left, and what puts the terminal right; nothing where it is none. */
  end(): Uint8Array {
    if (this.#filter === undefined) return Buffer.alloc(0);
    return Buffer.from(this.#filter.push(this.#decoder.decode()) + this.#filter.end());
  }
}
