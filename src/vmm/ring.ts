/** The last bytes of a stream that never ends, such as a guest's console. */

/** Keeps at most `capacity` bytes; what is older is dropped. */
export class Ring {
  readonly #capacity: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk.length > this.#capacity ? chunk.subarray(chunk.length - this.#capacity) : chunk);
    this.#bytes += this.#chunks.at(-1)?.length ?? 0;
    for (
      let first = this.#chunks[0];
      first !== undefined && this.#bytes - first.length >= this.#capacity;
      first = this.#chunks[0]
    ) {
      this.#chunks.shift();
      this.#bytes -= first.length;
    }
  }

  text(): string {
    const all = Buffer.concat(this.#chunks);
    return all.subarray(Math.max(0, all.length - this.#capacity)).toString("utf8");
  }
}
