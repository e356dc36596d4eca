/** Names of files between the wire, where they are bytes, and the rest of pyro, where they are strings with surrogates for what is not UTF-8. */
import { decodePath, encodePath } from "../contract/path-bytes.ts";
import { type ByteText, MAX_PATH_BYTES, MAX_PATH_DEPTH } from "./tree-messages.ts";

/** A surrogate without its other half. */
const lone = /\p{Surrogate}/u;
/** One that stands for no byte. */
const foreign = /[\ud800-\udc7f\udd00-\udfff]/u;

/** The bytes of a name; undefined for a string that stands for none. */
export function nameBytes(name: string): Buffer | undefined {
  return foreign.test(name) ? undefined : encodePath(name);
}

/** A name as it stands on the wire; undefined for a string that stands for no bytes. */
export function toWire(name: string): ByteText | undefined {
  const bytes = nameBytes(name);
  if (bytes === undefined) return undefined;
  const canonical = decodePath(bytes);
  return lone.test(canonical) ? { base64: bytes.toString("base64") } : canonical;
}

/** The name of what came over the wire; undefined where it is not written in the one way it may be, or too long. */
export function fromWire(text: ByteText): string | undefined {
  if (typeof text === "string") return lone.test(text) || Buffer.byteLength(text) > MAX_PATH_BYTES ? undefined : text;
  const bytes = Buffer.from(text.base64, "base64");
  const name = decodePath(bytes);
  const isCanonical = lone.test(name) && bytes.toString("base64") === text.base64;
  return isCanonical && bytes.length <= MAX_PATH_BYTES ? name : undefined;
}

/** Why a string is not a path inside a tree, in words that follow it; undefined where it is one. */
export function pathProblem(path: string): string | undefined {
  const bytes = nameBytes(path);
  if (bytes === undefined) return "is not made of bytes";
  if (bytes.length > MAX_PATH_BYTES) return `is longer than ${MAX_PATH_BYTES} bytes`;
  if (path.includes("\0")) return "contains NUL";
  const names = path.split("/");
  if (names.some((name) => name === "" || name === "." || name === ".."))
    return "is not a relative path in its shortest form";
  return names.length > MAX_PATH_DEPTH ? `has more than ${MAX_PATH_DEPTH} names` : undefined;
}
