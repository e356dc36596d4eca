/** The body of an upload: records, gathered into chunks, at the pace of whoever reads them. */
import type { ClientHttp2Stream } from "node:http2";
import { PyroError } from "../contract/errors.ts";
import { recordKind } from "./messages.ts";
import { recordHeader } from "./records.ts";

/** Bytes that are gathered before they are sent. */
const CHUNK_BYTES = 262_144;
/** Largest content of one record. */
const RECORD_BYTES = 262_144;

export class UploadBody {
  readonly #stream: ClientHttp2Stream;
  readonly #deadline_ms: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #stopped = false;
  #wake: (() => void) | undefined;

  /** `deadline_ms` is the longest that the agent may take nothing. */
  constructor(stream: ClientHttp2Stream, deadline_ms: number) {
    this.#stream = stream;
    this.#deadline_ms = deadline_ms;
  }

  /** Whether nobody takes any more */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Drops what follows. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** Adds a JSON record. */
  json(message: unknown): Promise<void> {
    const payload = Buffer.from(JSON.stringify(message));
    return this.#add(recordHeader(recordKind.json, payload.length), payload);
  }

  /** Adds content; it may be reused once this resolves. */
  async data(content: Uint8Array, kind: number): Promise<void> {
    for (let at = 0; at < content.length; at += RECORD_BYTES) {
      // Copied: what is gathered is sent later.
      const part = Buffer.from(content.subarray(at, at + RECORD_BYTES));
      await this.#add(recordHeader(kind, part.length), part);
    }
  }

  /** Sends what is left, and the end. */
  async end(): Promise<void> {
    await this.#flush();
    if (!this.#stopped) this.#stream.end();
  }

  async #add(...parts: Uint8Array[]): Promise<void> {
    this.#parts.push(...parts);
    for (const part of parts) this.#bytes += part.length;
    if (this.#bytes >= CHUNK_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const chunk = Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    if (this.#stopped || chunk.length === 0 || this.#stream.write(chunk)) return;
    const deadline = setTimeout(() => this.#stream.destroy(this.#stalled()), this.#deadline_ms);
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#stream.off("drain", go);
        resolve();
      };
      this.#wake = go;
      this.#stream.once("drain", go);
      if (this.#stopped || this.#stream.destroyed) go();
    });
    clearTimeout(deadline);
  }

  #stalled(): PyroError {
    return new PyroError("agent_stalled", `The agent took nothing of an upload for ${this.#deadline_ms} ms`);
  }
}
