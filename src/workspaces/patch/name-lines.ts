/** The lines of a patch that name its files: `diff --git`, `---` and `+++`. */
import { pathOf, quotedName } from "./names.ts";
import type { PatchLines } from "./patch-lines.ts";

/** Longest line that names files: two paths in octal escapes, and a time */
const MAX_HEADER_CHARS = 65_536;
/** The time of a file that is not there, anywhere on earth */
const EPOCH = /^(1970-01-01|1969-12-31) \d/;

/** What `---` or `+++` says. */
export interface NameLine {
  /** In bytes of one character each */
  readonly name: string;
  /** Whether it is `/dev/null` */
  readonly isNull: boolean;
  /** Whether the time beside it is that of a file that is not there */
  readonly isEpoch: boolean;
}

/** The line that is due, where it is not too long to name a file. */
export function headerOf(lines: PatchLines): string {
  const { header = "" } = lines;
  if (header.length > MAX_HEADER_CHARS) throw lines.malformed("it is too long to name a file");
  return header;
}

/** Reads `--- OLD` and `+++ NEW`. */
export function readNameLines(lines: PatchLines): { readonly before: NameLine; readonly after: NameLine } {
  const before = readNameLine(lines, "--- ");
  const after = readNameLine(lines, "+++ ");
  if (before.isNull && after.isNull) throw lines.malformed("both files are /dev/null", lines.number - 1);
  return { before, after };
}

function readNameLine(lines: PatchLines, sign: string): NameLine {
  const header = headerOf(lines);
  if (!header.startsWith(sign)) throw lines.malformed(`"${sign.trim()} FILE" is missing`);
  const text = header.slice(sign.length);
  const { name, rest } = text.startsWith('"') ? quoted(lines, text) : plain(text);
  if (rest !== "" && !rest.startsWith("\t")) throw lines.malformed("something follows the name of the file");
  lines.next();
  return { name, isNull: text === name && name === "/dev/null", isEpoch: EPOCH.test(rest.slice(1)) };
}

function quoted(lines: PatchLines, text: string): { readonly name: string; readonly rest: string } {
  const found = quotedName(text);
  if (found === undefined) throw lines.malformed("the quotes around the name do not fit");
  return found;
}

function plain(text: string): { readonly name: string; readonly rest: string } {
  const tab = text.indexOf("\t");
  return tab < 0 ? { name: text, rest: "" } : { name: text.slice(0, tab), rest: text.slice(tab) };
}

/** The path that a name stands for, where it has to begin with a prefix; raises `path_escape` also for what has none. */
export function pathBehind(lines: PatchLines, name: string, prefix: string, line: number): string {
  const whole = pathOf(name);
  if (!name.startsWith(prefix)) throw lines.malformed(`the name does not begin with "${prefix}"`, line);
  const path = prefix === "" ? whole : pathOf(name.slice(prefix.length));
  if (path === undefined) throw lines.malformed("the name is not that of a file in a tree", line);
  return path;
}

/** The one name that both sides of `diff --git` have, with its prefix `a/`; undefined where they have not the same. */
export function sameName(sides: string): string | undefined {
  for (const [before, after] of splits(sides))
    if (before.startsWith("a/") && after === `b/${before.slice(2)}`) return before;
  return undefined;
}

/** Whether `diff --git` can be read as these two names, given without prefix. */
export function namesBoth(sides: string, before: string, after: string): boolean {
  return splits(sides).some(([one, other]) => one === `a/${before}` && other === `b/${after}`);
}

/** Ways to read two names that a space divides; only quotes say for sure where the first one ends. */
function splits(sides: string): (readonly [string, string])[] {
  const first = quotedName(sides);
  if (first !== undefined) {
    const other = first.rest.slice(1);
    return first.rest.startsWith(" ") ? [[first.name, whole(other)]] : [];
  }
  const found: (readonly [string, string])[] = [];
  for (let at = sides.indexOf(" "); at >= 0; at = sides.indexOf(" ", at + 1)) {
    const other = sides.slice(at + 1);
    if (other.startsWith("b/") || other.startsWith('"b/')) found.push([sides.slice(0, at), whole(other)]);
  }
  return found;
}

function whole(text: string): string {
  const found = quotedName(text);
  return found?.rest === "" ? found.name : text;
}
