/** What the guest sends on a stream, as it comes. */
import type { Readable } from "node:stream";

/**
 * The chunks of a stream to its end; rejects with what broke it off. A reader that leaves early has it destroyed. `for await` over the stream itself
 * counts one that the guest has ended and closed in the same turn as broken off, before what has come of it is read.
 */
export async function* received(stream: Readable): AsyncGenerator<Buffer> {
  const change = new Change();
  let failure: unknown;
  const fail = (error: unknown) => {
    failure = error;
    change.happened();
  };
  stream.on("readable", change.happened).on("end", change.happened).on("close", change.happened).on("error", fail);
  try {
    for (;;) {
      const chunk: Buffer | null = stream.destroyed ? null : stream.read();
      if (chunk !== null) yield chunk;
      else if (failure !== undefined || stream.errored) throw failure ?? stream.errored;
      else if (stream.readableEnded) return;
      else if (stream.destroyed) throw new Error("the stream was closed before its end");
      else await change.next();
    }
  } finally {
    stream
      .off("readable", change.happened)
      .off("end", change.happened)
      .off("close", change.happened)
      .off("error", fail);
    if (!stream.readableEnded) stream.destroy();
  }
}

/** Wakes whoever waits for something to happen. */
class Change {
  #wake = () => {};

  readonly happened = (): void => this.#wake();

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
