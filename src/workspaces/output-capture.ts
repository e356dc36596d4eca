/** What a result keeps of a stream of output: its head and its tail, whatever its length. */
import { Ring } from "../vmm/ring.ts";

/** Bytes kept of the beginning and of the end (docs/design/limits.md). */
export const HEAD_BYTES = 1_048_576;
export const TAIL_BYTES = 262_144;

const FIRST_HEAD_BYTES = 4096;

/** Collects one stream in bounded memory, whatever the size of its chunks. */
export class OutputCapture {
  #head = Buffer.alloc(0);
  #headBytes = 0;
  readonly #tail = new Ring(TAIL_BYTES);
  #total = 0;

  /** Copies what it keeps, so that `chunk` may be reused. */
  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const forHead = chunk.subarray(0, HEAD_BYTES - this.#headBytes);
    this.#reserve(this.#headBytes + forHead.length);
    this.#headBytes += forHead.copy(this.#head, this.#headBytes);
    if (forHead.length < chunk.length) this.#tail.push(chunk.subarray(forHead.length));
  }

  get truncated(): boolean {
    return this.#total > HEAD_BYTES + TAIL_BYTES;
  }

  /** As UTF-8, invalid bytes replaced; a cut is marked with the number of bytes left out. */
  text(): string {
    const head = this.#head.subarray(0, this.#headBytes);
    const tail = this.#tail.bytes();
    const left_out = this.#total - head.length - tail.length;
    if (left_out === 0) return Buffer.concat([head, tail]).toString("utf8");
    return `${head.toString("utf8")}\n[pyro: ${left_out} bytes left out]\n${tail.toString("utf8")}`;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#head.length) return;
    const grown = Buffer.alloc(Math.min(HEAD_BYTES, Math.max(bytes, 2 * this.#head.length, FIRST_HEAD_BYTES)));
    this.#head.copy(grown);
    this.#head = grown;
  }
}
