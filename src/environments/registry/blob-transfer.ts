/** One blob on its way into its file: gone on with where it stopped, never beyond its size, and hashed as it comes. */
import { createHash, type Hash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { DownloadFile } from "../../platform/download-file.ts";
import type { RegistryClient } from "./client.ts";
import type { DownloadProgress } from "./download-progress.ts";
import { type Asking, readScope } from "./fetch-document.ts";
import { lied, refusal } from "./refusals.ts";
import { type Answer, drop, PassingFailure, wayError } from "./transport.ts";

/** A server that sends less than this in that time is left, in bytes and milliseconds (docs/design/limits.md). */
export const SLOW_WINDOW_MS = 60_000;
export const SLOW_BYTES = 60 * 1024;

/** What is to be had. */
export interface Blob {
  readonly digest: string;
  readonly size_bytes: number;
}

export class BlobTransfer {
  readonly #blob: Blob;
  readonly #file: DownloadFile;
  readonly #progress: DownloadProgress;
  #hash: Hash = createHash("sha256");

  constructor(blob: Blob, path: string, progress: DownloadProgress) {
    this.#blob = blob;
    this.#file = new DownloadFile(path);
    this.#progress = progress;
  }

  /** Takes up what a former download left. */
  async takeUp(signal: AbortSignal): Promise<void> {
    if (this.#file.size > this.#blob.size_bytes) this.#file.restart();
    await this.#file.each((bytes) => this.#hash.update(bytes), signal);
    this.#progress.had(this.#file.size);
  }

  get is_complete(): boolean {
    return this.#file.size === this.#blob.size_bytes;
  }

  /** Whether what came is what was asked for; to be asked once it is complete. */
  isRight(): boolean {
    return `sha256:${this.#hash.copy().digest("hex")}` === this.#blob.digest;
  }

  /** Begins anew. */
  restart(): void {
    this.#progress.lost(this.#file.size);
    this.#file.restart();
    this.#hash = createHash("sha256");
  }

  publish(path: string): Promise<void> {
    return this.#file.publish(path);
  }

  close(): void {
    this.#file.close();
  }

  /** Asks for what is missing and takes all of it; a `PassingFailure` leaves what came. */
  async receive(asking: Asking): Promise<void> {
    const { client, repository, name, signal, emit } = asking;
    const what = `layer ${this.#blob.digest} of "${name}"`;
    const from = this.#file.size;
    const answer = await client.send({
      method: "GET",
      path: `/v2/${repository}/blobs/${this.#blob.digest}`,
      headers: from > 0 ? { range: `bytes=${from}-` } : {},
      scopes: [readScope(repository)],
      what,
      signal,
      emit,
    });
    try {
      await this.#check(answer, from, what, client, signal);
      await this.#take(answer, what, client, signal);
    } finally {
      drop(answer);
    }
  }

  async #check(answer: Answer, from: number, what: string, client: RegistryClient, signal: AbortSignal): Promise<void> {
    const { status, headers } = answer;
    if (status === 416) {
      this.restart();
      throw new PassingFailure(lied(client.host, `does not have the rest of the ${what}`, "size"));
    }
    if (status !== 200 && status !== 206) throw await refusal(answer, what, signal);
    if (status === 200 && from > 0) this.restart();
    const range = headers["content-range"] ?? "";
    const { size_bytes } = this.#blob;
    if (status === 206 && range !== `bytes ${from}-${size_bytes - 1}/${size_bytes}`)
      throw lied(
        client.host,
        `sent "${range.slice(0, 100)}" of the ${what}, when asked for it from ${from} on`,
        "size",
      );
    const missing = size_bytes - this.#file.size;
    const declared = headers["content-length"];
    if (declared !== undefined && Number(declared) !== missing)
      throw lied(client.host, `has ${declared} bytes of the ${what}, where there are ${missing}`, "size");
    if (/^text\/html\b/i.test(headers["content-type"] ?? ""))
      throw lied(client.host, `sent a web page when asked for the ${what}`, "type");
  }

  async #take(answer: Answer, what: string, client: RegistryClient, signal: AbortSignal): Promise<void> {
    const isSlow = slowness(client.transport.surroundings.clock);
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        if (this.#file.size + chunk.length > this.#blob.size_bytes) {
          this.restart();
          throw lied(client.host, `does not end the ${what} at its ${this.#blob.size_bytes} bytes`, "size");
        }
        await this.#file.append(chunk);
        this.#hash.update(chunk);
        this.#progress.moved(chunk.length);
        if (isSlow(chunk.length)) throw tooSlow(client.host, what);
        if (signal.aborted) throw signal.reason;
      }
    } catch (thrown) {
      throw wayError(thrown, answer.url, signal);
    }
    if (this.is_complete) return;
    const missing = this.#blob.size_bytes - this.#file.size;
    throw new PassingFailure(lied(client.host, `ended the ${what} ${missing} bytes before its end`, "size"));
  }
}

/** Says, with each number of bytes that came, whether too few did. */
function slowness(clock: () => number): (bytes: number) => boolean {
  let begun = clock();
  let came = 0;
  return (bytes) => {
    came += bytes;
    if (clock() - begun < SLOW_WINDOW_MS) return false;
    const is_slow = came < SLOW_BYTES;
    begun = clock();
    came = 0;
    return is_slow;
  };
}

function tooSlow(host: string, what: string): PassingFailure {
  const seconds = SLOW_WINDOW_MS / 1000;
  return new PassingFailure(
    new PyroError(
      "registry_unreachable",
      `"${host}" sent less than ${SLOW_BYTES} bytes of the ${what} in ${seconds} s`,
      {
        details: { host },
      },
    ),
  );
}
