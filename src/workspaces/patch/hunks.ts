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
  const body = new Body(lines);
  let end = 0;
  while (lines.header?.startsWith("@@")) {
    if (endsFile(hunks.at(-1))) throw lines.malformed("a hunk follows one that says that the file ends");
    const counts = readHeader(lines);
    if (counts.at < end) throw lines.malformed("the hunk begins before the one before it ends");
    lines.next();
    hunks.push(body.read(counts));
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

/** Whether a line behind a full hunk would be one of it: neither the name of a file nor a signature. */
function looksLikeContent(line: string | undefined): boolean {
  const sign = line?.charAt(0);
  if (sign === " " || sign === "+" || sign === "\\") return true;
  return sign === "-" && line !== undefined && !/^(--- |-- ?\r?$)/.test(line);
}

/** The lines that a hunk takes, or those that it gives. */
class Side {
  #lines: string[] = [];
  #count = 0;
  #isEnded = false;

  begin(count: number): void {
    this.#lines = [];
    this.#count = count;
    this.#isEnded = false;
  }

  get isFull(): boolean {
    return this.#lines.length >= this.#count;
  }

  get text(): string {
    return this.#lines.join("");
  }

  /** What speaks against one more line. */
  get problem(): string | undefined {
    if (this.#isEnded) return "a line follows the end of the file";
    return this.isFull ? "the hunk has more lines of this kind than it says" : undefined;
  }

  add(line: string): void {
    this.#lines.push(line);
  }

  /** Takes the line feed of the last line away. */
  end(): void {
    this.#lines.push((this.#lines.pop() ?? "").slice(0, -1));
    this.#isEnded = true;
  }
}

/** Reads the lines of one hunk after the other: a patch may have hundreds of thousands. */
class Body {
  readonly #lines: PatchLines;
  readonly #old = new Side();
  readonly #new = new Side();
  #additions = 0;
  #deletions = 0;
  /** Sign of the line before, whose line feed a marker may take away */
  #before = "";

  constructor(lines: PatchLines) {
    this.#lines = lines;
  }

  read({ patch_line, at, old_count, new_count }: Counts): Hunk {
    this.#begin(old_count, new_count);
    while (!(this.#old.isFull && this.#new.isFull)) this.#take();
    if (this.#lines.line?.startsWith("\\")) this.#take();
    if (looksLikeContent(this.#lines.line)) throw this.#lines.malformed("the hunk has more lines than it says");
    const [additions, deletions] = [this.#additions, this.#deletions];
    if (additions + deletions === 0) throw this.#lines.malformed("the hunk changes nothing", patch_line);
    const [old_text, new_text] = [this.#old.text, this.#new.text];
    return { patch_line, at, old_count, new_count, old_text, new_text, additions, deletions };
  }

  #begin(old_count: number, new_count: number): void {
    this.#old.begin(old_count);
    this.#new.begin(new_count);
    this.#additions = 0;
    this.#deletions = 0;
    this.#before = "";
  }

  /** Takes a line of content, or the marker that the line before has no line feed. */
  #take(): void {
    const { line } = this.#lines;
    if (line === undefined) throw this.#lines.malformed("the patch ends inside a hunk");
    // An editor that takes away spaces at the ends of lines leaves nothing of an empty line of context.
    const sign = line.charAt(0) || " ";
    if (sign === "\\") this.#mark(line);
    else if (sign === " " || sign === "-" || sign === "+") this.#add(sign);
    else throw this.#lines.malformed("the hunk has fewer lines than it says, or this is not one of them");
    this.#before = sign;
    this.#lines.next();
  }

  #add(sign: string): void {
    const problem = (sign === "+" ? undefined : this.#old.problem) ?? (sign === "-" ? undefined : this.#new.problem);
    if (problem !== undefined) throw this.#lines.malformed(problem);
    if (sign !== "+") this.#old.add(this.#lines.content);
    if (sign !== "-") this.#new.add(this.#lines.content);
    if (sign === "+") this.#additions += 1;
    if (sign === "-") this.#deletions += 1;
  }

  #mark(line: string): void {
    if (!line.startsWith("\\ ") || this.#before === "" || this.#before === "\\")
      throw this.#lines.malformed("nothing can be without a line feed here");
    if (this.#before !== "+") this.#old.end();
    if (this.#before !== "-") this.#new.end();
  }
}
