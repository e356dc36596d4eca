/** Pax records: what stands before a header and overrides it. Text is one character per byte. */
import type { SparsePart } from "./inode.ts";
import { MAX_SPARSE_PARTS } from "./limits.ts";
import { invalid } from "./problems.ts";

const XATTR = "SCHILY.xattr.";
const EQUALS = 0x3d;
const SPACE = 0x20;
const NEWLINE = 0x0a;

/** What one header was told. */
export interface Pax {
  readonly values: ReadonlyMap<string, string>;
  readonly xattrs: readonly (readonly [string, Buffer])[];
  /** A sparse file's map in the oldest of pax' three forms, which repeats its keys */
  readonly sparse_numbers: readonly number[];
}

/** What was said of a header that has not come yet. */
export interface Said {
  name?: string;
  link?: string;
  pax?: Pax;
}

/** Takes records of the form `LENGTH KEY=VALUE\n`, the length counting itself. The last of several wins, and an empty one takes back. */
export function parsePax(content: Buffer, offset: number): Pax {
  const values = new Map<string, string>();
  const xattrs = new Map<string, Buffer>();
  const sparse_numbers: number[] = [];
  for (let at = 0; at < content.length; ) {
    const { key, value, end } = recordAt(content, at, offset);
    const text = () => value.toString("latin1");
    if (key.startsWith(XATTR)) xattrs.set(key.slice(XATTR.length), Buffer.from(value));
    else if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
      sparse_numbers.push(decimal(text(), key, offset));
    else if (value.length === 0) values.delete(key);
    else if (isUsed(key)) values.set(key, text());
    at = end;
  }
  if (sparse_numbers.length > 2 * MAX_SPARSE_PARTS) throw invalid("has a sparse file of too many parts", offset);
  return { values, xattrs: [...xattrs], sparse_numbers };
}

function isUsed(key: string): boolean {
  return ["path", "linkpath", "size", "uid", "gid", "mtime"].includes(key) || key.startsWith("GNU.sparse.");
}

function recordAt(content: Buffer, at: number, offset: number): { key: string; value: Buffer; end: number } {
  const space = content.indexOf(SPACE, at);
  const digits = space < 0 || space - at > 7 ? "" : content.toString("latin1", at, space);
  const end = at + (/^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0);
  const equals = content.indexOf(EQUALS, space);
  const isWhole = equals > space + 1 && equals < end && end <= content.length && content[end - 1] === NEWLINE;
  if (end <= space || !isWhole) throw invalid("has a broken pax record", offset);
  const key = content.toString("latin1", space + 1, equals);
  if (key.includes("\0")) throw invalid("has a pax record with a NUL byte in its key", offset);
  return { key, value: content.subarray(equals + 1, end - 1), end };
}

/** A number without sign that a record or a sparse file's map has. */
export function decimal(text: string, what: string, offset: number): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalid(`has a broken number in its ${what}`, offset);
  return value;
}

/** Seconds, of which the fraction is left out: downwards, as a clock shows them. */
export function seconds(text: string, offset: number): number {
  if (!/^-?[0-9]{1,15}(\.[0-9]{0,30})?$/.test(text)) throw invalid("has a broken pax time", offset);
  return Math.floor(Number(text));
}

/** Pairs of offset and length out of numbers in a row. */
export function pairsOf(numbers: readonly number[], offset: number): SparsePart[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * MAX_SPARSE_PARTS)
    throw invalid("has a broken map of a sparse file", offset);
  const parts: SparsePart[] = [];
  for (let at = 0; at < numbers.length; at += 2) parts.push([numbers[at] ?? 0, numbers[at + 1] ?? 0]);
  return parts;
}

/** Refuses a map that is not in order, overlaps, leaves the file, or does not match what is stored. */
export function checkParts(parts: readonly SparsePart[], size: number, stored: number, offset: number): void {
  let [end, sum] = [0, 0];
  if (size < 0) throw invalid("has a sparse file of negative size", offset);
  for (const [start, length] of parts) {
    if (start < end || length < 0 || start + length > size) throw invalid("has a broken map of a sparse file", offset);
    end = start + length;
    sum += length;
  }
  if (sum !== stored) throw invalid("has a sparse file whose map does not match its content", offset);
}
