/** Requests to one address, each over a connection of its own, and answers of a bounded size. */
import type { Readable } from "node:stream";
import { PyroError } from "../../contract/errors.ts";
import type { Reach } from "../../network/reach.ts";
import { exchange } from "../../platform/http-exchange.ts";
import { version } from "../../version.ts";
import { ForbiddenDestination, openConnection } from "./connections.ts";
import type { RegistrySurroundings } from "./surroundings.ts";

/** Longest silence of a server, in milliseconds (docs/design/limits.md). */
export const SILENCE_MS = 30_000;

type Variables = Readonly<Record<string, string | undefined>>;

export interface Message {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array> | undefined;
  admits(reach: Reach): boolean;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
  /** How far away the server is */
  readonly reach: Reach;
}

/** A failure that another try may mend; `error` is what it is called when none does. */
export class PassingFailure extends Error {
  override readonly name = "PassingFailure";
  readonly error: PyroError;
  /** What the server asked to wait, in milliseconds */
  readonly wait_ms: number | undefined;

  constructor(error: PyroError, wait_ms?: number) {
    super(error.message);
    this.error = error;
    this.wait_ms = wait_ms;
  }
}

/** Sends messages; what fails on the way is a `PassingFailure`, what is cancelled is `cancelled`. */
export class Transport {
  readonly surroundings: RegistrySurroundings;
  readonly #env: Variables;
  readonly #silence_ms: number;

  constructor(env: Variables, surroundings: RegistrySurroundings, silence_ms = SILENCE_MS) {
    this.#env = env;
    this.surroundings = surroundings;
    this.#silence_ms = silence_ms;
  }

  async send(message: Message): Promise<Answer> {
    const { url, signal } = message;
    try {
      const { socket, reach, proxy } = await openConnection(message, this.#env, this.surroundings);
      const answer = await exchange(socket, {
        method: message.method,
        target: proxy === undefined ? `${url.pathname}${url.search}` : url.href,
        headers: {
          host: url.host,
          "user-agent": `pyro/${version}`,
          "accept-encoding": "identity",
          ...proxy?.headers,
          ...message.headers,
        },
        body: message.body,
        signal,
        silence_ms: this.#silence_ms,
      });
      return { url, reach, ...answer };
    } catch (thrown) {
      throw wayError(thrown, url, signal);
    }
  }
}

/** What went wrong on the way to or from a server. */
export function wayError(thrown: unknown, url: URL, signal: AbortSignal): unknown {
  if (signal.aborted) return new PyroError("cancelled", `cancelled while "${url.host}" was asked`);
  if (thrown instanceof PyroError || thrown instanceof ForbiddenDestination || thrown instanceof PassingFailure)
    return thrown;
  return new PassingFailure(
    new PyroError("registry_unreachable", `"${url.host}" cannot be reached: ${reasonOf(thrown)}`, {
      details: { host: url.host },
      cause: thrown,
    }),
  );
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.message === "aborted" || thrown.message === "socket hang up") return "the connection was closed";
  return thrown.message;
}

/** Reads a body of at most that many bytes; undefined where there is more. */
export async function readBody(answer: Answer, max_bytes: number, signal: AbortSignal): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > max_bytes) return undefined;
      chunks.push(chunk);
    }
  } catch (thrown) {
    throw wayError(thrown, answer.url, signal);
  } finally {
    answer.body.destroy();
  }
  return Buffer.concat(chunks);
}

/** Ends an answer whose body nobody wants. */
export function drop(answer: Answer): void {
  answer.body.on("error", () => {});
  answer.body.destroy();
}
