/** Names of files between the wire, where they are bytes, and the rest of pyro, where they are strings with surrogates for what is not UTF-8. */
import type { ByteText } from "./tree-messages.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "./tree-messages.ts";

/** Where the bytes 0x80 to 0xff stand that are not UTF-8: `surrogateescape`. */
const ESCAPE = 0xdc00;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** A surrogate without its other half. */
const lone = /\p{Surrogate}/u;
const allLone = /\p{Surrogate}/gu;
const escaped = /^[\udc80-\udcff]$/;

/** The bytes of a name; undefined for a string that stands for none. */
export function nameBytes(name: string): Buffer | undefined {
  if (!lone.test(name)) return Buffer.from(name);
  const parts: Buffer[] = [];
  let from = 0;
  for (const { 0: surrogate, index } of name.matchAll(allLone)) {
    if (!escaped.test(surrogate)) return undefined;
    parts.push(Buffer.from(name.slice(from, index)), Buffer.of(surrogate.charCodeAt(0) - ESCAPE));
    from = index + 1;
  }
  return Buffer.concat([...parts, Buffer.from(name.slice(from))]);
}

/** The name that these bytes are. */
export function nameOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escapeInvalid(bytes);
  }
}

/** A name as it stands on the wire; undefined for a string that stands for no bytes. */
export function toWire(name: string): ByteText | undefined {
  const bytes = nameBytes(name);
  if (bytes === undefined) return undefined;
  const canonical = nameOf(bytes);
  return lone.test(canonical) ? { base64: bytes.toString("base64") } : canonical;
}

/** The name of what came over the wire; undefined where it is not written in the one way it may be, or too long. */
export function fromWire(text: ByteText): string | undefined {
  if (typeof text === "string") return lone.test(text) || Buffer.byteLength(text) > MAX_PATH_BYTES ? undefined : text;
  const bytes = Buffer.from(text.base64, "base64");
  const name = nameOf(bytes);
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

/** Orders paths as a walk does: by bytes, a directory before what lies in it and that before everything after the directory. */
export function walkOrder(one: string, other: string): number {
  return Buffer.compare(orderKey(one), orderKey(other));
}

function orderKey(path: string): Buffer {
  const bytes = nameBytes(path) ?? Buffer.from(path);
  for (let at = bytes.indexOf(0x2f); at >= 0; at = bytes.indexOf(0x2f, at + 1)) bytes[at] = 0;
  return bytes;
}

function escapeInvalid(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) parts.push(strict.decode(bytes.subarray(at, at + length)));
    else parts.push(String.fromCharCode(ESCAPE + (bytes[at] ?? 0)));
    at += Math.max(1, length);
  }
  return parts.join("");
}

/** How many bytes the character at this place takes; 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}
