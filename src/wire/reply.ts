/** Reading an agent's answer: status, whole body, parsed value; each with its cap. */
import type { ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import type { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { MAX_REPLY_BYTES } from "./messages.ts";
import { received } from "./received.ts";

/** The error for an agent that breaks the protocol. */
export function violation(message: string, cause?: unknown): PyroError {
  return new PyroError("protocol_violation", message, { cause });
}

/** Resolves with `:status`; rejects when the stream ends without one. */
export function responseStatus(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    stream.once("response", (headers) => resolve(Number(headers[":status"] ?? 0)));
    stream.once("error", reject);
    stream.once("close", () => reject(new PyroError("guest_lost", "The guest ended the exchange without an answer")));
  });
}

/** The whole body as text, up to the cap on replies. */
export async function collect(stream: Readable, method: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of received(stream)) {
    if (!Buffer.isBuffer(chunk)) throw violation(`The agent's answer to ${method} is not bytes`);
    bytes += chunk.length;
    if (bytes > MAX_REPLY_BYTES) throw violation(`The agent's answer to ${method} exceeds ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Parses a JSON text by a schema; throws `protocol_violation`. */
export function parse<S extends z.ZodType>(schema: S, text: string, method: string): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw violation(`The agent's answer to ${method} is not JSON`, cause);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw violation(`The agent's answer to ${method} has the wrong shape`, parsed.error);
  return parsed.data;
}
