/** A JSON document with its own hash in front, so that damage shows before anything in it is believed. */
import { createHash } from "node:crypto";
import type { ZodType } from "zod";
import { atomicWrite, openReadOnly, type ReadRecord } from "../../platform/files.ts";

const HASH_CHARS = 64;
/** An index of 500,000 long paths stays below */
const MAX_BYTES = 1024 ** 3;

/** Writes the document, or replaces it in one step. */
export function writeSealed(path: string, document: unknown): void {
  const text = Buffer.from(JSON.stringify(document));
  atomicWrite(path, Buffer.concat([Buffer.from(`${hashOf(text)}\n`), text, Buffer.from("\n")]));
}

/** Reads it back; damaged where the hash or the schema says so. */
export function readSealed<T>(path: string, schema: ZodType<T>): ReadRecord<T> {
  const file = openReadOnly(path);
  if (file === undefined) return { state: "absent" };
  try {
    if (file.mode() === undefined) return { state: "damaged", reason: "is no regular file" };
    if (file.size() > MAX_BYTES) return { state: "damaged", reason: `is larger than ${MAX_BYTES} bytes` };
    return parse(file.readAll(), schema);
  } finally {
    file.close();
  }
}

function parse<T>(content: Buffer, schema: ZodType<T>): ReadRecord<T> {
  const text = content.subarray(HASH_CHARS + 1, -1);
  if (content.toString("latin1", 0, HASH_CHARS) !== hashOf(text))
    return { state: "damaged", reason: "does not have the hash that it was written with" };
  const parsed = schema.safeParse(JSON.parse(text.toString("utf8")));
  if (parsed.success) return { state: "whole", value: parsed.data };
  const [issue] = parsed.error.issues;
  return { state: "damaged", reason: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}` };
}

function hashOf(text: Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}
