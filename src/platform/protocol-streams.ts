/** Standard input and output of a process that speaks a protocol on them, one message a line: nothing else gets out, and no line is too much. */
import { Transform, Writable } from "node:stream";
import { writeAll } from "./terminal.ts";

const LINE_FEED = 0x0a;

/** Standard output for the protocol alone; what anything else in this process writes there goes to standard error. */
export function protocolOutput(): Writable {
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return new Writable({
    decodeStrings: true,
    write: (chunk: Buffer, _encoding, done) => {
      writeAll(1, chunk).then(() => done(), done);
    },
  });
}

/** Standard input in whole lines. One longer than `max_bytes` is left out, and `onLong` gets its last bytes. */
export function protocolInput(max_bytes: number, onLong: (tail: string) => void): Transform {
  const lines = new WholeLines(max_bytes, onLong);
  process.stdin.on("error", () => lines.end());
  return process.stdin.pipe(lines);
}

const TAIL_BYTES = 256;

/** Passes on whole lines, each as one chunk. */
export class WholeLines extends Transform {
  readonly #max_bytes: number;
  readonly #onLong: (tail: string) => void;
  #parts: Buffer[] = [];
  #length = 0;
  #tail = "";

  constructor(max_bytes: number, onLong: (tail: string) => void) {
    // Each line stays a chunk of its own.
    super({ readableObjectMode: true });
    this.#max_bytes = max_bytes;
    this.#onLong = onLong;
  }

  override _transform(chunk: Buffer, _encoding: string, done: () => void): void {
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(LINE_FEED, at);
      const stop = end < 0 ? chunk.length : end + 1;
      this.#take(chunk.subarray(at, stop));
      if (end >= 0) this.#finish();
      at = stop;
    }
    done();
  }

  #take(part: Buffer): void {
    this.#length += part.length;
    if (this.#length <= this.#max_bytes) this.#parts.push(part);
    else {
      this.#parts = [];
      this.#tail = (this.#tail + part.subarray(-TAIL_BYTES).toString("latin1")).slice(-TAIL_BYTES);
    }
  }

  #finish(): void {
    if (this.#length > this.#max_bytes) this.#onLong(this.#tail);
    else this.push(this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts));
    this.#parts = [];
    this.#length = 0;
    this.#tail = "";
  }
}
