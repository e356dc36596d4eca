/** The byte stream to a guest, read so that nothing of ours runs in the middle of HTTP/2's reading (docs/decisions/2026-11-22-http2-in-turns.md). */
import { Duplex } from "node:stream";

/** Bytes that may wait for HTTP/2, and for the guest, each. */
const WAITING_BYTES = 1_048_576;

type Done = (error?: Error | null) => void;

export class ChannelTurns extends Duplex {
  readonly #channel: Duplex;

  constructor(channel: Duplex) {
    super({ allowHalfOpen: true, readableHighWaterMark: WAITING_BYTES, writableHighWaterMark: WAITING_BYTES });
    this.#channel = channel;
    channel.pause();
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.once("end", () => this.push(null));
    channel.on("error", (error) => this.destroy(error));
    channel.once("close", () => this.destroy());
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#channel.write(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    const last = chunks.length - 1;
    this.#channel.cork();
    for (const [at, { chunk }] of chunks.entries()) this.#channel.write(chunk, at === last ? done : undefined);
    this.#channel.uncork();
  }

  override _final(done: Done): void {
    // A guest that has ended its side has ended ours with it.
    if (this.#channel.writableEnded) done();
    else this.#channel.end(() => done());
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#channel.destroy();
    done(error);
  }
}
