/**
 * One call between a process of the user's and a keeper: a connection of its own, records both ways. A caller that cancels says so; one that goes away just closes.
 * The caller sends the request, then standard input and its end; the keeper sends events and output, then the result or an error.
 */
import { z } from "zod";
import { errorTable, PyroError } from "../contract/errors.ts";
import { recordHeader } from "../wire/records.ts";

/** Kinds of record; one that cancels is empty. */
export const kind = { json: 0, stdin: 1, cancel: 2, stdout: 1, stderr: 2 } as const;

/** Longest record: the text of the largest file that is read or written in one call, with six bytes of JSON for each of its own. */
export const MAX_CALL_BYTES = 400 * 1_048_576;

/** What is asked for. */
export const callRequest = z.strictObject({
  protocol: z.literal(1),
  /** Version of the caller; a keeper of another version may answer in another way */
  pyro_version: z.string(),
  method: z.string(),
  input: z.unknown(),
  has_stdin: z.boolean(),
});

export type CallRequest = z.infer<typeof callRequest>;

const errorCode = z.enum(Object.keys(errorTable) as [keyof typeof errorTable, ...(keyof typeof errorTable)[]]);

const errorDocument = z.strictObject({
  code: errorCode,
  message: z.string(),
  hint: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** An error as it was before it became JSON. */
export function errorOfAnswer(value: unknown): PyroError {
  const { code, message, hint, details } = errorDocument.parse(value);
  return new PyroError(code, message, { hint, details });
}

/** What is answered, beside output. */
export const callAnswer = z.discriminatedUnion("answer", [
  /** At once, so that a keeper that is stuck is told apart from one that has much to do */
  z.strictObject({ answer: z.literal("accepted") }),
  z.strictObject({
    answer: z.literal("event"),
    event: z.discriminatedUnion("type", [
      z.strictObject({
        type: z.literal("progress"),
        stage: z.string(),
        message: z.string(),
        done: z.number().exactOptional(),
        total: z.number().exactOptional(),
        unit: z.enum(["bytes", "packages", "files"]).exactOptional(),
        layers_done: z.number().exactOptional(),
        layers_total: z.number().exactOptional(),
        bytes_per_second: z.number().exactOptional(),
        seconds_left: z.number().exactOptional(),
      }),
      z.strictObject({ type: z.enum(["notice", "warning"]), message: z.string() }),
    ]),
  }),
  z.strictObject({ answer: z.literal("result"), result: z.unknown() }),
  z.strictObject({
    answer: z.literal("error"),
    error: errorDocument,
  }),
]);

export type CallAnswer = z.infer<typeof callAnswer>;

/** A record on its way. */
export function record(of: number, payload: Uint8Array): Buffer {
  return Buffer.concat([recordHeader(of, payload.length), payload]);
}

/** A record that carries JSON. */
export function jsonRecord(value: CallRequest | CallAnswer): Buffer {
  return record(kind.json, Buffer.from(JSON.stringify(value)));
}
