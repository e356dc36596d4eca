/** One connection to a port of the guest on one HTTP/2 stream: bytes both ways, each way ending by itself. */
import { type ClientHttp2Stream, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { type Message, messages, recordKind } from "./messages.ts";
import { written } from "./pace.ts";
import { received } from "./received.ts";
import { recordHeader } from "./records.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";

const HEADER_BYTES = 5;
/** Largest part that goes into one record, in bytes. */
const PART_BYTES = 65_536;
/** Largest event, in bytes. */
const MAX_EVENT_BYTES = 4096;

/** What is joined with a connection on the host: a port of the guest, or a connection of one of its programs. */
export type ForwardRequest =
  | { readonly method: "forward"; readonly params: Message<"forward.params"> }
  | { readonly method: "tunnel"; readonly params: Message<"tunnel.params"> };

/**
 * Joins `socket` to the guest's end until both ways have ended, and tells `moved` of every part. Rejects where the guest's end takes no
 * connection or one side breaks off; what was open then is the caller's to end.
 */
export async function forwardStream(
  stream: ClientHttp2Stream,
  { method, params }: ForwardRequest,
  socket: Duplex,
  moved: () => void = () => {},
): Promise<void> {
  const answered = responseStatus(stream);
  const body = Buffer.from(JSON.stringify(params));
  await written(stream, recordHeader(recordKind.json, body.length), body);
  // At once: the agent keeps what comes before the connection is there.
  const both = [send(stream, socket, moved), receive(stream, socket, moved, refusedOr(answered, stream, method))];
  try {
    await Promise.race([Promise.all(both), reset(stream)]);
  } catch (thrown) {
    // At once: a stream that is closed says that it has come to its end before it is reset, and what was cut off would look whole.
    stream.destroy(toPyroError(thrown));
    throw thrown;
  }
}

/** Rejects when the stream is reset: whoever waits for the socket alone would not see it. */
function reset(stream: ClientHttp2Stream): Promise<never> {
  return new Promise((_, reject) => {
    stream.once("error", reject);
    stream.once("close", () => isCut(stream) && reject(brokenOff()));
  });
}

/** Whether a stream was closed for another reason than that both sides have ended it. */
function isCut(stream: ClientHttp2Stream): boolean {
  return stream.aborted || stream.rstCode !== constants.NGHTTP2_NO_ERROR;
}

function brokenOff(): PyroError {
  return new PyroError("guest_lost", "The guest's end of the connection broke off");
}

async function refusedOr(answered: Promise<number>, stream: ClientHttp2Stream, method: string): Promise<void> {
  if ((await answered) !== 200) throw refusal(method, await collect(stream, method));
}

/** What the client writes, to the end. */
async function send(stream: ClientHttp2Stream, socket: Duplex, moved: () => void): Promise<void> {
  const chunks: AsyncIterable<Buffer> = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    moved();
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      const part = chunk.subarray(at, at + PART_BYTES);
      await written(stream, recordHeader(recordKind.data, part.length), part);
    }
    if (stream.destroyed) return;
  }
  await ended(stream);
}

/** Ends what is sent, and resolves when that has left: a stream that is destroyed before is reset. */
function ended(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) return resolve();
    stream.once("close", resolve);
    stream.end(() => resolve());
  });
}

/** What the server writes, to the end. */
async function receive(
  stream: ClientHttp2Stream,
  socket: Duplex,
  moved: () => void,
  accepted: Promise<void>,
): Promise<void> {
  await accepted;
  const pieces = new Pieces();
  for await (const chunk of received(stream)) {
    moved();
    for (const piece of pieces.of(chunk)) await written(socket, piece);
  }
  // A stream that was cancelled ends as any other does, for who reads it.
  if (isCut(stream)) throw brokenOff();
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
