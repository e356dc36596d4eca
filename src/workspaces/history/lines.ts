/** The lines of a command's output: those that match, the last ones, or both. */
import { setImmediate as turn } from "node:timers/promises";
import type { LinePattern } from "../../platform/line-pattern.ts";
import type { CommandLog } from "./command-log.ts";
import type { LogText } from "./text.ts";
import { cutBefore } from "./utf8.ts";

/** Longest line, in bytes (docs/design/limits.md): what is longer is several. */
export const LINE_BYTES = 65_536;

const NEWLINE = 0x0a;

/** Lines that stand together, no more than one turn of the event loop has time for. */
export interface LineBatch {
  readonly lines: readonly string[];
  /** Position of the first line, and behind the last */
  readonly start: number;
  readonly end: number;
  /** Whether more may be added to the last line */
  readonly is_open: boolean;
  /** Position of the line of that number in this batch */
  startOf(line: number): number;
}

/** The lines from a position on, in batches. */
export function* batchesFrom(log: CommandLog, from: number): Generator<LineBatch> {
  let gathered: Buffer = Buffer.alloc(0);
  let start = from;
  for (const piece of log.pieces(from)) {
    if (piece.start !== start + gathered.length) {
      if (gathered.length > 0) yield batchOf(gathered, start, false);
      gathered = Buffer.alloc(0);
      start = piece.start;
    }
    gathered = gathered.length === 0 ? piece.bytes : Buffer.concat([gathered, piece.bytes]);
    while (gathered.length >= LINE_BYTES) {
      const whole = gathered.lastIndexOf(NEWLINE, LINE_BYTES - 1) + 1;
      const cut = whole > 0 ? whole : cutBefore(gathered, LINE_BYTES);
      yield batchOf(gathered.subarray(0, cut), start, false);
      gathered = gathered.subarray(cut);
      start += cut;
    }
  }
  if (gathered.length > 0) yield batchOf(gathered, start, log.is_running && gathered.at(-1) !== NEWLINE);
}

function batchOf(bytes: Buffer, start: number, is_open: boolean): LineBatch {
  const lines = bytes.toString("utf8").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const startOf = (line: number) => {
    let at = 0;
    for (let passed = 0; passed < line; passed += 1) at = bytes.indexOf(NEWLINE, at) + 1;
    return start + at;
  };
  return { lines, start, end: start + bytes.length, is_open, startOf };
}

export interface LineSelection {
  readonly cursor: number;
  readonly max_chars: number;
  /** Only so many of the last lines */
  readonly tail_lines?: number | undefined;
  readonly pattern?: LinePattern | undefined;
}

/** Whole lines: those that match, and of them the last or the first as there is room. Others have their turn meanwhile. */
export async function selectLines(log: CommandLog, selection: LineSelection): Promise<LogText> {
  const { max_chars, tail_lines, pattern } = selection;
  const cursor = Math.min(Math.max(0, selection.cursor), log.end);
  const end = log.end;
  const kept = new KeptLines(max_chars, tail_lines);
  let next_cursor = end;
  for (const batch of batchesFrom(log, firstWanted(selection, cursor, end))) {
    const stopped = keep(kept, batch, pattern);
    if (stopped === undefined) {
      await turn();
      continue;
    }
    next_cursor = batch.startOf(stopped);
    break;
  }
  const is_whole = tail_lines !== undefined || next_cursor >= end;
  return { output: kept.text(), cursor, next_cursor, truncated: kept.is_cut || log.is_truncated || !is_whole };
}

/** Lines at the end cannot be longer than what there is room for. */
function firstWanted({ max_chars, tail_lines, pattern }: LineSelection, cursor: number, end: number): number {
  if (tail_lines === undefined || pattern !== undefined) return cursor;
  return Math.max(cursor, end - 4 * max_chars - LINE_BYTES);
}

/** Keeps what matches; the number of the line at which there is no more room, or which may yet match. */
function keep(kept: KeptLines, { lines, is_open }: LineBatch, pattern: LinePattern | undefined): number | undefined {
  const over = is_open && pattern !== undefined ? lines.slice(0, -1) : lines;
  const verdicts = pattern?.test(over);
  const stopped = over.findIndex((line, at) => verdicts?.[at] !== false && !kept.add(line));
  if (stopped >= 0) return stopped;
  return over.length < lines.length ? over.length : undefined;
}

/** Lines up to a number of characters: the last ones where there is a number of them, else the first ones. */
class KeptLines {
  readonly #max_chars: number;
  readonly #tail_lines: number | undefined;
  #lines: string[] = [];
  /** Lines at the beginning of the list that are dropped already */
  #dropped = 0;
  #chars = 0;
  is_cut = false;

  constructor(max_chars: number, tail_lines: number | undefined) {
    this.#max_chars = max_chars;
    this.#tail_lines = tail_lines;
  }

  /** False where there is no room for it. */
  add(line: string): boolean {
    const text = line.length < this.#max_chars ? line : line.slice(0, Math.max(0, this.#max_chars - 1));
    const isFull = this.#tail_lines === undefined && this.#chars + text.length + 1 > this.#max_chars;
    if (text.length < line.length || isFull) this.is_cut = true;
    if (isFull) return false;
    this.#lines.push(text);
    this.#chars += text.length + 1;
    if (this.#tail_lines !== undefined) this.#dropFirst(this.#tail_lines);
    return true;
  }

  text(): string {
    const lines = this.#lines.slice(this.#dropped);
    return lines.map((line) => `${line}\n`).join("");
  }

  #dropFirst(tail_lines: number): void {
    for (let count = this.#count; count > tail_lines || this.#chars > this.#max_chars; count = this.#count) {
      if (count <= tail_lines) this.is_cut = true;
      this.#chars -= (this.#lines[this.#dropped] ?? "").length + 1;
      this.#dropped += 1;
    }
    if (this.#dropped < LINE_BYTES || this.#dropped < this.#count) return;
    this.#lines = this.#lines.slice(this.#dropped);
    this.#dropped = 0;
  }

  get #count(): number {
    return this.#lines.length - this.#dropped;
  }
}
