/** What a result keeps of a stream of output: its head and its tail, whatever its length. */

/** Bytes kept of the beginning and of the end (security.md 4.5). */
export const HEAD_BYTES = 1_048_576;
export const TAIL_BYTES = 262_144;

/** Collects one stream in bounded memory. */
export class OutputCapture {
  #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  /** Copies what it keeps, so that `chunk` may be reused. */
  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const forHead = Math.min(HEAD_BYTES - this.#headBytes, chunk.length);
    if (forHead > 0) {
      this.#head.push(Buffer.from(chunk.subarray(0, forHead)));
      this.#headBytes += forHead;
    }
    if (forHead < chunk.length)
      this.#keepTail(Buffer.from(chunk.subarray(Math.max(forHead, chunk.length - TAIL_BYTES))));
  }

  get truncated(): boolean {
    return this.#total > HEAD_BYTES + TAIL_BYTES;
  }

  /** As UTF-8, invalid bytes replaced; a cut is marked with the number of bytes left out. */
  text(): string {
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail).subarray(-TAIL_BYTES);
    const left_out = this.#total - head.length - tail.length;
    if (left_out === 0) return Buffer.concat([head, tail]).toString("utf8");
    return `${head.toString("utf8")}\n[pyro: ${left_out} bytes left out]\n${tail.toString("utf8")}`;
  }

  #keepTail(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    for (
      let first = this.#tail[0];
      first !== undefined && this.#tailBytes - first.length >= TAIL_BYTES;
      first = this.#tail[0]
    ) {
      this.#tail.shift();
      this.#tailBytes -= first.length;
    }
  }
}
