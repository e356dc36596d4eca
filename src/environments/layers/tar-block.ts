/** One header block of a layer's tar, taken apart as Go's and GNU's readers do. Formats: POSIX, GNU, and the one before them. */
import { invalid } from "./problems.ts";

export const BLOCK_BYTES = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;
const SPACE = 0x20;
const POSIX = "ustar\x0000";
const GNU = "ustar  \0";
/** Parts of a sparse file in the header itself, and in each block that continues it */
const HEADER_PARTS = 4;
const BLOCK_PARTS = 21;

/** A header as it stands; text is one character per byte. */
export interface Block {
  readonly type: string;
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly device: readonly [major: number, minor: number];
}

/** A map of a sparse file as GNU's old format has it. */
export interface OldSparse {
  readonly parts: (readonly [number, number])[];
  /** Another block of the map follows */
  readonly goes_on: boolean;
  readonly real_size: number;
}

/** Takes a block apart that begins at byte `offset` of the layer. */
export function parseBlock(block: Buffer, offset: number): Block {
  checkSum(block, offset);
  const magic = block.toString("latin1", 257, 265);
  if (magic !== POSIX && magic !== GNU && !magic.startsWith("\0\0\0\0\0") && magic !== "ustar\0\0\0")
    throw invalid("has a header of an unknown format", offset);
  const prefix = magic.startsWith("ustar\0") ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  const flag = block[156] ?? 0;
  return {
    type: flag === 0 ? "0" : String.fromCharCode(flag),
    name: prefix === "" ? name : `${prefix}/${name}`,
    link: text(block, 157, 100),
    mode: number(block, 100, 8, offset),
    uid: number(block, 108, 8, offset),
    gid: number(block, 116, 8, offset),
    size: number(block, 124, 12, offset),
    mtime: number(block, 136, 12, offset),
    device: magic.startsWith("ustar") ? [number(block, 329, 8, offset), number(block, 337, 8, offset)] : [0, 0],
  };
}

/** The map in a header of GNU's type `S`. */
export function oldSparseHeader(block: Buffer, offset: number): OldSparse {
  return {
    parts: partsAt(block, 386, HEADER_PARTS, offset),
    goes_on: block[482] !== 0,
    real_size: number(block, 483, 12, offset),
  };
}

/** The map in a block that continues one. */
export function oldSparseBlock(block: Buffer, offset: number): Omit<OldSparse, "real_size"> {
  return { parts: partsAt(block, 0, BLOCK_PARTS, offset), goes_on: block[504] !== 0 };
}

function partsAt(block: Buffer, at: number, count: number, offset: number): (readonly [number, number])[] {
  const parts: (readonly [number, number])[] = [];
  for (let part = at; part < at + count * 24 && block[part] !== 0; part += 24)
    parts.push([number(block, part, 12, offset), number(block, part + 12, 12, offset)]);
  return parts;
}

/** Old programs summed signed bytes. */
function checkSum(block: Buffer, offset: number): void {
  const stated = number(block, CHECKSUM_AT, CHECKSUM_END - CHECKSUM_AT, offset);
  let [plain, signed] = [0, 0];
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    const byte = at >= CHECKSUM_AT && at < CHECKSUM_END ? SPACE : (block[at] ?? 0);
    plain += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  if (stated !== plain && stated !== signed) throw invalid("has a header with a wrong checksum", offset);
}

/** Up to the first NUL. */
function text(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end < 0 || end > at + length ? at + length : end);
}

/** Octal between spaces and NULs, or base 256 where the first bit is set. */
function number(block: Buffer, at: number, length: number, offset: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) return base256(block, at, length, offset);
  let [value, isOver, hasBegun] = [0, false, false];
  for (let index = at; index < at + length; index += 1) {
    const byte = block[index] ?? 0;
    if (byte === SPACE || byte === 0) {
      isOver ||= hasBegun;
      continue;
    }
    if (isOver || byte < 0x30 || byte > 0x37) throw invalid("has a header with a broken number", offset);
    hasBegun = true;
    value = value * 8 + byte - 0x30;
  }
  return value;
}

/** Two's complement, the first bit being the mark. */
function base256(block: Buffer, at: number, length: number, offset: number): number {
  const isNegative = ((block[at] ?? 0) & 0x40) !== 0;
  let value = BigInt((block[at] ?? 0) & 0x7f) - (isNegative ? 128n : 0n);
  for (let index = at + 1; index < at + length; index += 1) value = value * 256n + BigInt(block[index] ?? 0);
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < -BigInt(Number.MAX_SAFE_INTEGER))
    throw invalid("has a header with a number beyond all bounds", offset);
  return Number(value);
}
