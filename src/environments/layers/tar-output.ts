/** Writes a tar stream to a program that takes it at its own pace. */
import type { Writable } from "node:stream";
import { tarEnd, tarPadding } from "./tar-write.ts";

/** Small pieces are gathered up to this size; larger ones are passed on as they are. */
const GATHERED_BYTES = 262_144;
const PASSED_ON_BYTES = 32_768;
const zeros = Buffer.alloc(GATHERED_BYTES);

/** Nobody takes what is written; the program's exit status says why. */
export class OutputClosed extends Error {}

export class TarOutput {
  readonly #stream: Writable;
  #gathered = Buffer.allocUnsafe(GATHERED_BYTES);
  #used = 0;
  #closed = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.once("close", () => {
      this.#closed = true;
    });
  }

  /** Takes bytes that must not change later. What it gives is awaited where it is a promise. */
  write(bytes: Buffer): Promise<void> | undefined {
    if (bytes.length < PASSED_ON_BYTES && this.#used + bytes.length <= GATHERED_BYTES) {
      bytes.copy(this.#gathered, this.#used);
      this.#used += bytes.length;
      return undefined;
    }
    const flushed = this.#flush();
    if (bytes.length < PASSED_ON_BYTES) return flushed === undefined ? this.write(bytes) : this.#after(flushed, bytes);
    return this.#pass(bytes) ?? flushed;
  }

  /** Writes so many zeros. */
  async hole(length: number): Promise<void> {
    for (let left = length; left > 0; left -= zeros.length) await this.write(zeros.subarray(0, left));
  }

  /** Fills up the last block of a content of that size. */
  pad(size: number): Promise<void> | undefined {
    return this.write(tarPadding(size));
  }

  /** Ends the archive and the stream. */
  async end(): Promise<void> {
    await this.write(tarEnd());
    await this.#flush();
    await new Promise<void>((resolve) => {
      this.#stream.once("close", resolve);
      this.#stream.end(resolve);
    });
  }

  async #after(flushed: Promise<void>, bytes: Buffer): Promise<void> {
    await flushed;
    await this.write(bytes);
  }

  #flush(): Promise<void> | undefined {
    if (this.#used === 0) return undefined;
    const full = this.#gathered.subarray(0, this.#used);
    this.#gathered = Buffer.allocUnsafe(GATHERED_BYTES);
    this.#used = 0;
    return this.#pass(full);
  }

  #pass(bytes: Buffer): Promise<void> | undefined {
    if (this.#closed || this.#stream.destroyed) throw new OutputClosed();
    return this.#stream.write(bytes) ? undefined : this.#drained();
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#stream;
      const onDrain = () => {
        stream.off("close", onClose);
        resolve();
      };
      const onClose = () => {
        stream.off("drain", onDrain);
        reject(new OutputClosed());
      };
      stream.once("drain", onDrain);
      stream.once("close", onClose);
    });
  }
}
