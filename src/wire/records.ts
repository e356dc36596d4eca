/** Record framing of streaming bodies: kind (u8), length (u32, big-endian), payload. */
import { PyroError } from "../contract/errors.ts";
import { MAX_RECORD_BYTES } from "./messages.ts";

/** One record; `payload` may share memory with the chunk it came in. */
export interface WireRecord {
  readonly kind: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 5;

/** Header of a record, to be followed by its payload. */
export function recordHeader(kind: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(length, 1);
  return header;
}

/** Takes chunks and gives whole records; refuses a length over the cap before it allocates anything. */
export class RecordDecoder {
  readonly #max_bytes: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;

  constructor(max_bytes = MAX_RECORD_BYTES) {
    this.#max_bytes = max_bytes;
  }

  /** A record has begun and is not complete */
  get partial(): boolean {
    return this.#pendingBytes > 0;
  }

  /** Adds `chunk` and yields each record that is complete with it. Throws `protocol_violation`. */
  *push(chunk: Buffer): Generator<WireRecord> {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    while (this.#pendingBytes >= HEADER_BYTES) {
      const length = this.#length();
      if (this.#pendingBytes < HEADER_BYTES + length) return;
      const whole = this.#take(HEADER_BYTES + length);
      yield { kind: whole.readUInt8(0), payload: whole.subarray(HEADER_BYTES) };
    }
  }

  #length(): number {
    const first = this.#pending[0];
    const head = first !== undefined && first.length >= HEADER_BYTES ? first : this.#join();
    const length = head.readUInt32BE(1);
    if (length > this.#max_bytes) {
      throw new PyroError(
        "protocol_violation",
        `The agent announced a record of ${length} bytes, more than ${this.#max_bytes}`,
      );
    }
    return length;
  }

  #join(): Buffer {
    const joined =
      this.#pending.length === 1 && this.#pending[0] !== undefined ? this.#pending[0] : Buffer.concat(this.#pending);
    this.#pending = [joined];
    return joined;
  }

  #take(bytes: number): Buffer {
    const joined = this.#join();
    const rest = joined.subarray(bytes);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    return joined.subarray(0, bytes);
  }
}
