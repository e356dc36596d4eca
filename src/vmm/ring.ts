/** The last bytes of a stream that never ends, such as a guest's console. */
import { cleanText } from "../contract/text.ts";

/** What is kept of a VMM's or cage's own messages, in bytes (docs/design/limits.md). */
export const VMM_LOG_BYTES = 16_384;
/** How much of a console or log an error carries, in characters (docs/design/limits.md). */
const TAIL_CHARS = 2048;

/** The end of a text from a machine, as an error shows it. */
export function shownTail(text: string): string {
  return cleanText(text).slice(-TAIL_CHARS);
}

/** What an error shows of a console that ends in a panic: its beginning, which says why; undefined where there was none. */
export function shownPanic(text: string): string | undefined {
  const at = text.lastIndexOf("Kernel panic");
  if (at < 0) return undefined;
  return cleanText(text.slice(text.lastIndexOf("\n", at) + 1)).slice(0, TAIL_CHARS);
}

/** Keeps at most `capacity` bytes in one buffer; what is older is overwritten, whatever the size of the chunks. */
export class Ring {
  readonly #capacity: number;
  #buffer: Buffer | undefined;
  #total = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Copies what it keeps of `chunk`. */
  push(chunk: Buffer): void {
    this.#buffer ??= Buffer.alloc(this.#capacity);
    const kept = chunk.subarray(Math.max(0, chunk.length - this.#capacity));
    const at = (this.#total + chunk.length - kept.length) % this.#capacity;
    const untilEnd = kept.copy(this.#buffer, at);
    kept.copy(this.#buffer, 0, untilEnd);
    this.#total += chunk.length;
  }

  /** What is kept, oldest first. */
  bytes(): Buffer {
    if (this.#buffer === undefined) return Buffer.alloc(0);
    if (this.#total <= this.#capacity) return this.#buffer.subarray(0, this.#total);
    const at = this.#total % this.#capacity;
    return Buffer.concat([this.#buffer.subarray(at), this.#buffer.subarray(0, at)]);
  }

  text(): string {
    return this.bytes().toString("utf8");
  }
}
