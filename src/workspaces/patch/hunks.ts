/** Reads the hunks of one file of a patch: each says how many lines it has, and has exactly those, in order. */
import type { Hunk } from "./file-patch.ts";
import type { PatchLines } from "./patch-lines.ts";

const HEADER = /^@@ -(\d{1,15})(?:,(\d{1,15}))? \+(\d{1,15})(?:,(\d{1,15}))? @@/;

interface Counts {
  readonly patch_line: number;
  readonly at: number;
  readonly old_count: number;
  readonly new_count: number;
}

/** All hunks up to a line that is of none; those after the first lie behind the one before. */
export function readHunks(lines: PatchLines): Hunk[] {
  const hunks: Hunk[] = [];
  let end = 0;
  while (lines.header?.startsWith("@@")) {
    if (endsFile(hunks.at(-1))) throw lines.malformed("a hunk follows one that says that the file ends");
    const counts = readHeader(lines);
    if (counts.at < end) throw lines.malformed("the hunk begins before the one before it ends");
    lines.next();
    hunks.push(readBody(lines, counts));
    end = counts.at + counts.old_count;
  }
  return hunks;
}

function readHeader(lines: PatchLines): Counts {
  const [, old_start, old_count = "1", new_start, new_count = "1"] = HEADER.exec(lines.header ?? "") ?? [];
  if (old_start === undefined || new_start === undefined)
    throw lines.malformed('it is not of the form "@@ -LINE,COUNT +LINE,COUNT @@"');
  const counts = { old_count: Number(old_count), new_count: Number(new_count) };
  // A hunk needs a line of the patch, and so two bytes, for each of its lines.
  if (counts.old_count > lines.left || counts.new_count > lines.left)
    throw lines.malformed("the hunk has fewer lines than it says");
  if (isMisplaced(old_start, counts.old_count) || isMisplaced(new_start, counts.new_count))
    throw lines.malformed("lines are counted from 1");
  const at = Number(old_start) - (counts.old_count === 0 ? 0 : 1);
  return { patch_line: lines.number, at, ...counts };
}

/** Only a place without lines can be before the first one. */
function isMisplaced(start: string, count: number): boolean {
  return Number(start) === 0 && count > 0;
}

function endsFile(hunk: Hunk | undefined): boolean {
  if (hunk === undefined) return false;
  return [hunk.old_text, hunk.new_text].some((text) => text !== "" && !text.endsWith("\n"));
}

function readBody(lines: PatchLines, counts: Counts): Hunk {
  const body = new Body(lines, counts);
  while (!body.isFull) body.take();
  body.takeMarker();
  if (body.isFullBeyond) throw lines.malformed("the hunk has more lines than it says");
  if (body.additions + body.deletions === 0) throw lines.malformed("the hunk changes nothing", counts.patch_line);
  const { additions, deletions, old_lines, new_lines } = body;
  return { ...counts, additions, deletions, old_text: old_lines.join(""), new_text: new_lines.join("") };
}

class Body {
  readonly old_lines: string[] = [];
  readonly new_lines: string[] = [];
  additions = 0;
  deletions = 0;
  readonly #lines: PatchLines;
  readonly #counts: Counts;
  /** Sides of the line before, whose line feed a marker takes away */
  #sides: readonly string[][] = [];
  readonly #ended = new Set<string[]>();

  constructor(lines: PatchLines, counts: Counts) {
    this.#lines = lines;
    this.#counts = counts;
  }

  get isFull(): boolean {
    return this.old_lines.length >= this.#counts.old_count && this.new_lines.length >= this.#counts.new_count;
  }

  /** Whether what is due looks like a line of a hunk that is full. */
  get isFullBeyond(): boolean {
    const line = this.#lines.line;
    if (line === undefined || /^(--- |-- \r?$|--\r?$)/.test(line)) return false;
    return /^[ +\-\\]/.test(line);
  }

  /** Takes a line of content, or the marker that the line before has no line feed. */
  take(): void {
    const line = this.#lines.line;
    const sign = line === "" ? " " : line?.charAt(0);
    if (line === undefined) throw this.#lines.malformed("the patch ends inside a hunk");
    if (sign === "\\") this.#mark();
    else this.#content(line, sign);
  }

  #content(line: string, sign: string | undefined): void {
    // An editor that takes away spaces at the ends of lines leaves nothing of an empty line of context.
    const text = `${line.slice(1)}\n`;
    if (sign === " ") this.#add(text, [this.old_lines, this.new_lines]);
    else if (sign === "-") this.#add(text, [this.old_lines]);
    else if (sign === "+") this.#add(text, [this.new_lines]);
    else throw this.#lines.malformed("the hunk has fewer lines than it says, or this is not one of them");
    if (sign === "+") this.additions += 1;
    if (sign === "-") this.deletions += 1;
    this.#lines.next();
  }

  /** A marker may follow the last line. */
  takeMarker(): void {
    if (this.#lines.line?.startsWith("\\")) this.#mark();
  }

  #add(text: string, sides: readonly string[][]): void {
    for (const side of sides) {
      const most = side === this.old_lines ? this.#counts.old_count : this.#counts.new_count;
      if (side.length >= most) throw this.#lines.malformed("the hunk has more lines of this kind than it says");
      if (this.#ended.has(side)) throw this.#lines.malformed("a line follows the end of the file");
      side.push(text);
    }
    this.#sides = sides;
  }

  #mark(): void {
    if (!/^\\ /.test(this.#lines.line ?? "") || this.#sides.length === 0)
      throw this.#lines.malformed("nothing can be without a line feed here");
    for (const side of this.#sides) {
      side.push((side.pop() ?? "").slice(0, -1));
      this.#ended.add(side);
    }
    this.#sides = [];
    this.#lines.next();
  }
}
