/** One connection to a port of the guest on one HTTP/2 stream: bytes both ways, each way ending by itself. */
import type { ClientHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { type Message, messages, recordKind } from "./messages.ts";
import { written } from "./pace.ts";
import { recordHeader } from "./records.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";

const HEADER_BYTES = 5;
/** Largest part that goes into one record, in bytes. */
const PART_BYTES = 65_536;
/** Largest event, in bytes. */
const MAX_EVENT_BYTES = 4096;

/**
 * Joins `socket` to a port of the guest until both ways have ended. Rejects where the port takes no connection or one side breaks off;
 * what was open then is the caller's to end.
 */
export async function forwardStream(
  stream: ClientHttp2Stream,
  params: Message<"forward.params">,
  socket: Duplex,
): Promise<void> {
  const answered = responseStatus(stream);
  const body = Buffer.from(JSON.stringify(params));
  await written(stream, recordHeader(recordKind.json, body.length), body);
  // At once: the agent keeps what comes before the connection is there.
  await Promise.all([send(stream, socket), receive(stream, socket, answered)]);
}

/** What the client writes, to the end. */
async function send(stream: ClientHttp2Stream, socket: Duplex): Promise<void> {
  const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      const part = chunk.subarray(at, at + PART_BYTES);
      await written(stream, recordHeader(recordKind.data, part.length), part);
    }
    if (stream.destroyed) return;
  }
  if (!stream.destroyed) stream.end();
}

/** What the server writes, to the end. */
async function receive(stream: ClientHttp2Stream, socket: Duplex, answered: Promise<number>): Promise<void> {
  const status = await answered;
  if (status !== 200) throw refusal("forward", await collect(stream, "forward"));
  const pieces = new Pieces();
  for await (const chunk of stream) for (const piece of pieces.of(chunk)) await written(socket, piece);
  if (!pieces.is_between) throw violation("The agent's stream ended inside a record");
  socket.end();
}

/** Content of the records in a stream, as it comes: nothing waits for the end of its record. */
class Pieces {
  #head = Buffer.alloc(0);
  #missing = 0;
  #is_connected = false;

  /** Whether no record has begun that is not over. */
  get is_between(): boolean {
    return this.#head.length === 0 && this.#missing === 0;
  }

  *of(chunk: Buffer): Generator<Buffer> {
    let rest = this.#is_connected ? chunk : this.#afterEvent(chunk);
    while (rest.length > 0) {
      if (this.#missing === 0) rest = this.#begin(rest);
      const piece = rest.subarray(0, this.#missing);
      rest = rest.subarray(piece.length);
      this.#missing -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }

  /** Takes the event that comes first; what is behind it, once it is whole. */
  #afterEvent(chunk: Buffer): Buffer {
    const whole = Buffer.concat([this.#head, chunk]);
    this.#head = whole;
    if (whole.length < HEADER_BYTES) return Buffer.alloc(0);
    const end = HEADER_BYTES + whole.readUInt32BE(1);
    if (end > MAX_EVENT_BYTES) throw violation(`The agent announced an event of ${end} bytes`);
    if (whole.length < end) return Buffer.alloc(0);
    if (whole.readUInt8(0) !== recordKind.json) throw violation("The agent sent content before the connection");
    parse(messages["forward.event"], whole.toString("utf8", HEADER_BYTES, end), "forward");
    this.#head = Buffer.alloc(0);
    this.#is_connected = true;
    return whole.subarray(end);
  }

  /** Takes as much of a header as there is; what is behind it, once it is whole. */
  #begin(bytes: Buffer): Buffer {
    const wanted = HEADER_BYTES - this.#head.length;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, wanted)]);
    if (this.#head.length < HEADER_BYTES) return Buffer.alloc(0);
    if (this.#head.readUInt8(0) !== recordKind.data) throw violation("The agent sent another record than content");
    this.#missing = this.#head.readUInt32BE(1);
    this.#head = Buffer.alloc(0);
    return bytes.subarray(wanted);
  }
}
