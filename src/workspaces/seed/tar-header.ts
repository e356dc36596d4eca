/** One tar header: 512 bytes taken apart, strictly. Formats: ustar and pax of POSIX.1-2001, GNU, and the one before them. */
import { PyroError } from "../../contract/errors.ts";

export const BLOCK_BYTES = 512;

/** A header as it stands, names not yet joined with those of the records before it. */
export interface TarHeader {
  /** Type flag, one character */
  readonly type: string;
  readonly name: Buffer;
  readonly link_name: Buffer;
  readonly mode: number;
  readonly size: number;
}

/** An `archive_inconsistent` that says where in the archive. */
export function inconsistent(offset: number, problem: string): PyroError {
  return new PyroError("archive_inconsistent", `the archive ${problem} at byte ${offset}`, { details: { offset } });
}

/** Takes a block apart that begins at byte `offset` of the archive. */
export function parseHeader(block: Buffer, offset: number): TarHeader {
  const stated = octal(block.subarray(148, 156), offset, "checksum");
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  if (sum !== stated) throw inconsistent(offset, "has a header with a wrong checksum, or is no tar archive,");
  const magic = block.subarray(257, 265).toString("latin1");
  const isPosix = magic === "ustar\x0000";
  if (!isPosix && magic !== "ustar  \0" && magic !== "\0".repeat(8))
    throw inconsistent(offset, "has a header of an unknown format");
  const name = text(block.subarray(0, 100));
  const prefix = isPosix ? text(block.subarray(345, 500)) : Buffer.alloc(0);
  const flag = block[156] ?? 0;
  return {
    type: flag === 0 ? "0" : String.fromCharCode(flag),
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    link_name: text(block.subarray(157, 257)),
    mode: octal(block.subarray(100, 108), offset, "mode") & 0o7777,
    size: number(block.subarray(124, 136), offset),
  };
}

/** Up to the first NUL. */
function text(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function octal(field: Buffer, offset: number, what: string): number {
  const digits = /^[ ]*([0-7]*)[ \0]*$/.exec(field.toString("latin1"))?.[1];
  if (digits === undefined) throw inconsistent(offset, `has a header with a broken ${what}`);
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

/** Octal, or base 256 where the first bit is set. */
function number(field: Buffer, offset: number): number {
  const first = field[0] ?? 0;
  if ((first & 0x80) === 0) return octal(field, offset, "size");
  if ((first & 0x40) !== 0) throw inconsistent(offset, "has an entry of negative size");
  let value = BigInt(first & 0x3f);
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new PyroError("too_large", `the archive has an entry of ${value} bytes at byte ${offset}`, {
      details: { offset, size_bytes: String(value) },
    });
  return Number(value);
}
