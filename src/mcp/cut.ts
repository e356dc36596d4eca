/** Results cut to what a host passes on: ends of texts and beginnings of lists are kept, and the result says where the rest is. */
import { type Result, resultText } from "./text.ts";

/** What of a field stays when not all of it fits. */
export type Keep = "ends" | "head" | "first" | "last";

export interface Cut {
  /** What was kept */
  readonly result: Result;
  /** Names of the fields that are not whole */
  readonly fields: readonly string[];
}

/** Share of what is kept of a text that is its head. */
const HEAD_SHARE = 0.5;
/** Room for the mark that stands where text was left out. */
const MARK_CHARS = 64;
const MOST_ROUNDS = 200;

/** Characters that a result takes, in the larger of its two forms. */
export function sizeOf(result: Result): number {
  return Math.max(JSON.stringify(result).length, resultText(result).length);
}

/** The result in at most `limit` characters, its longest fields cut first. */
export function cutTo(result: Result, limit: number, keep: Readonly<Record<string, Keep>>): Cut {
  let cut = result;
  const fields = new Set<string>();
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const over = sizeOf(cut) - limit;
    if (over <= 0) break;
    const [name, value] = longest(cut);
    if (name === undefined) break;
    fields.add(name);
    cut = { ...cut, [name]: shorter(value, over, keep[name]) };
  }
  return { result: cut, fields: [...fields] };
}

/** The field that takes most, if any can be cut. */
function longest(result: Result): [string | undefined, unknown] {
  const sizes = Object.entries(result)
    .filter(([, value]) => typeof value === "object" || (typeof value === "string" && value.length > 2 * MARK_CHARS))
    .map(([name, value]) => ({ name, value, size: JSON.stringify(value).length }))
    .filter(({ size }) => size > 4);
  sizes.sort((one, other) => other.size - one.size);
  return [sizes[0]?.name, sizes[0]?.value];
}

/** A value that takes about `over` characters less, and in any case less. */
function shorter(value: unknown, over: number, keep: Keep | undefined): unknown {
  if (typeof value === "string") return shorterText(value, over, keep);
  if (Array.isArray(value)) return fewer(value, over, keep);
  // A record within a result: its longest field goes as a list's would.
  const entries = Object.entries(value ?? {});
  return Object.fromEntries(fewer(entries, over, keep));
}

function shorterText(text: string, over: number, keep: Keep | undefined): string {
  const written = JSON.stringify(text).length;
  const share = Math.max(0, written - over - MARK_CHARS) / written;
  const left = Math.min(Math.floor(text.length * share), text.length - MARK_CHARS);
  if (left <= 0) return "";
  if (keep === "head") return sliced(text, 0, left);
  const head = sliced(text, 0, Math.floor(left * HEAD_SHARE));
  const tail = sliced(text, text.length - (left - head.length), text.length);
  return `${head}${leftOut(text.length - head.length - tail.length)}${tail}`;
}

function leftOut(chars: number): string {
  return `\n[pyro: ${chars} characters left out]\n`;
}

function fewer<T>(list: readonly T[], over: number, keep: Keep | undefined): T[] {
  const written = JSON.stringify(list).length;
  const count = Math.min(list.length - 1, Math.floor((list.length * Math.max(0, written - over)) / written));
  return keep === "last" ? list.slice(list.length - count) : list.slice(0, count);
}

/** A part of a text whose ends are whole characters. */
function sliced(text: string, from: number, to: number): string {
  const begin = isLow(text, from) ? from + 1 : from;
  const end = isLow(text, to) ? to - 1 : to;
  return text.slice(begin, Math.max(begin, end));
}

/** Whether a place is inside a character of two halves. */
function isLow(text: string, at: number): boolean {
  return at > 0 && at < text.length && /^[\udc00-\udfff]/.test(text.slice(at, at + 1));
}
