/** Git's packets: a length in four hexadecimal digits, then so much; three lengths are marks. */
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import { ByteReader } from "../seed/byte-reader.ts";

const HEADER_BYTES = 4;
const MAX_PACKET_BYTES = 65_520;
const MAX_SAID_CHARS = 300;
const marks = ["flush", "delimiter", "end"] as const;

export type Mark = (typeof marks)[number];
export type Packet = Buffer | Mark;

/** What a server sent is not what the protocol says. */
export function inconsistent(problem: string): PyroError {
  return new PyroError("repo_inconsistent", `The repository's server ${problem}`);
}

/** What a server says of a failure of its own, in its words, made safe to show. */
export function said(words: string): PyroError {
  const shown = cleanText(words).replace(/\s+/g, " ").trim().slice(0, MAX_SAID_CHARS);
  if (/not our ref|unadvertised object|no such (?:ref|remote)/i.test(shown))
    return new PyroError("repo_ref_not_found", `The repository's server does not give that commit: ${shown}`);
  return inconsistent(`says: ${shown}`);
}

/** Reads packets from a stream. */
export class PacketReader {
  readonly #reader: ByteReader;
  readonly #max_bytes: number;

  /** Reads at most `max_bytes`, and raises `too_large` beyond. */
  constructor(chunks: AsyncIterable<Uint8Array>, max_bytes = Number.POSITIVE_INFINITY) {
    this.#reader = new ByteReader(chunks);
    this.#max_bytes = max_bytes;
  }

  /** The next packet; undefined where the stream ends. */
  async next(): Promise<Packet | undefined> {
    const header = await this.#reader.take(HEADER_BYTES);
    if (header.length === 0) return undefined;
    const digits = header.toString("latin1");
    if (!/^[0-9a-f]{4}$/i.test(digits)) throw inconsistent("does not speak Git's protocol");
    const length = Number.parseInt(digits, 16);
    const mark = marks[length];
    if (mark !== undefined) return mark;
    if (length < HEADER_BYTES || length > MAX_PACKET_BYTES) throw inconsistent("sent a packet of an impossible length");
    if (this.#reader.offset + length > this.#max_bytes)
      throw new PyroError("too_large", `The repository's server lists more than ${this.#max_bytes} bytes of refs`, {
        details: { limit: this.#max_bytes },
      });
    const payload = await this.#reader.take(length - HEADER_BYTES);
    if (payload.length < length - HEADER_BYTES) throw inconsistent("stopped in the middle of an answer");
    return payload;
  }

  /** Lines of text up to the next mark, or the end; one that reports an error is raised as `repo_inconsistent`. */
  async *lines(): AsyncGenerator<string, Mark | undefined> {
    for (;;) {
      const packet = await this.next();
      if (packet === undefined || typeof packet === "string") return packet;
      const line = packet.toString("utf8").replace(/\n$/, "");
      if (line.startsWith("ERR ")) throw said(line.slice(4));
      yield line;
    }
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }
}

/** A packet with that content. */
export function packet(content: string): string {
  const length = Buffer.byteLength(content) + HEADER_BYTES;
  return length.toString(16).padStart(HEADER_BYTES, "0") + content;
}

export const FLUSH = "0000";
export const DELIMITER = "0001";
