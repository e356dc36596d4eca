/** The text of a command's output: from a cursor on, or the lines of it that are wanted. */
import type { LinePattern } from "../../platform/line-pattern.ts";
import type { CommandLog } from "./command-log.ts";
import { bytesOfChars, cutBefore } from "./utf8.ts";

/** Longest line that is matched as one, in bytes (docs/design/limits.md). */
export const LINE_BYTES = 65_536;
/** Bytes of lines that are matched at once. */
const BATCH_BYTES = 262_144;

/** Output as text. Cursors are positions in the log, which stay what they are whatever is dropped. */
export interface LogText {
  readonly output: string;
  /** Where `output` begins */
  readonly cursor: number;
  /** Where what follows begins */
  readonly next_cursor: number;
  /** Whether output of the command, before, in or behind this text, is not in it although it was asked for */
  readonly truncated: boolean;
}

/** One line, or a part of a long one. */
export interface LogLine {
  readonly text: string;
  readonly start: number;
  /** Where the next one begins */
  readonly next: number;
  /** Whether more may be added to it */
  readonly is_open: boolean;
}

export interface LineSelection {
  readonly cursor: number;
  readonly max_chars: number;
  /** Only so many of the last lines */
  readonly tail_lines?: number | undefined;
  readonly pattern?: LinePattern | undefined;
}

/** What was left out, as it stands in a text. */
function gap(bytes: number): string {
  return `\n[pyro: ${bytes} bytes left out]\n`;
}

/** Text from a cursor on, of at most `max_chars` characters, none of them split. */
export function textFrom(log: CommandLog, cursor: number, max_chars: number): LogText {
  const begin = Math.min(Math.max(0, cursor), log.end);
  const parts: string[] = [];
  let left = max_chars;
  let at = begin;
  let is_cut = false;
  for (const { start, bytes } of log.pieces(begin)) {
    if (left === 0) break;
    if (start > at) {
      parts.push(gap(start - at));
      is_cut = true;
    }
    const taken = bytesOfChars(bytes, left);
    const text = bytes.toString("utf8", 0, taken);
    parts.push(text);
    at = start + taken;
    // A character that does not fit ends the text as well.
    left = taken < bytes.length ? 0 : left - text.length;
  }
  if (left > 0 && at < log.end) {
    parts.push(gap(log.end - at));
    is_cut = true;
    at = log.end;
  }
  return { output: parts.join(""), cursor: begin, next_cursor: at, truncated: is_cut || at < log.end };
}

/** The lines from a position on. */
export function* linesFrom(log: CommandLog, from: number): Generator<LogLine> {
  let parts: Buffer[] = [];
  let length = 0;
  let start = from;
  const line = (next: number, is_open: boolean): LogLine => {
    const text = Buffer.concat(parts, length).toString("utf8");
    const made = { text, start, next, is_open };
    parts = [];
    length = 0;
    start = next;
    return made;
  };
  for (const piece of log.pieces(from)) {
    if (length > 0 && piece.start > start + length) yield line(start + length, false);
    if (length === 0) start = piece.start;
    let { bytes } = piece;
    while (bytes.length > 0) {
      const newline = bytes.indexOf(0x0a);
      const whole = newline < 0 ? bytes.length : newline;
      const taken = whole <= LINE_BYTES - length ? whole : cutBefore(bytes, LINE_BYTES - length);
      const isWhole = taken === newline;
      parts.push(bytes.subarray(0, taken));
      length += taken;
      bytes = bytes.subarray(isWhole ? taken + 1 : taken);
      if (isWhole || length >= LINE_BYTES || taken < whole) yield line(start + length + (isWhole ? 1 : 0), false);
    }
  }
  if (length > 0) yield line(start + length, log.is_running);
}

/** The same lines in batches, each with whether it matches. */
export function* matchedFrom(
  log: CommandLog,
  from: number,
  pattern: LinePattern | undefined,
): Generator<{ readonly line: LogLine; readonly matches: boolean }> {
  let batch: LogLine[] = [];
  let chars = 0;
  const flush = () => {
    const verdicts = pattern?.test(batch.map(({ text }) => text));
    const judged = batch.map((line, at) => ({ line, matches: verdicts?.[at] ?? true }));
    batch = [];
    chars = 0;
    return judged;
  };
  for (const line of linesFrom(log, from)) {
    batch.push(line);
    chars += line.text.length + 1;
    if (chars >= BATCH_BYTES) yield* flush();
  }
  yield* flush();
}

/** Whole lines, those that match, and of them the last or the first as there is room. */
export function selectLines(log: CommandLog, selection: LineSelection): LogText {
  const { cursor, max_chars, tail_lines = Number.POSITIVE_INFINITY, pattern } = selection;
  const begin = Math.min(Math.max(0, cursor), log.end);
  const isTail = Number.isFinite(tail_lines);
  const kept = new KeptLines(max_chars, isTail ? tail_lines : undefined);
  // The last lines cannot be longer than what there is room for.
  const from = isTail && pattern === undefined ? Math.max(begin, log.end - 4 * max_chars - LINE_BYTES) : begin;
  let next_cursor = log.end;
  for (const { line, matches } of matchedFrom(log, from, pattern)) {
    if (line.is_open && pattern !== undefined) {
      next_cursor = line.start;
      break;
    }
    if (matches && !kept.add(line.text)) {
      next_cursor = line.start;
      break;
    }
  }
  return {
    output: kept.text(),
    cursor: begin,
    next_cursor,
    truncated: kept.is_cut || log.is_truncated || (!isTail && next_cursor < log.end),
  };
}

/** Lines up to a number of characters: the last ones where there is a number of them, else the first ones. */
class KeptLines {
  readonly #max_chars: number;
  readonly #tail_lines: number | undefined;
  readonly #lines: string[] = [];
  #chars = 0;
  is_cut = false;

  constructor(max_chars: number, tail_lines: number | undefined) {
    this.#max_chars = max_chars;
    this.#tail_lines = tail_lines;
  }

  /** False where there is no room for it. */
  add(line: string): boolean {
    const text = line.length < this.#max_chars ? line : line.slice(0, Math.max(0, this.#max_chars - 1));
    if (text.length < line.length) this.is_cut = true;
    if (this.#tail_lines === undefined && this.#chars + text.length + 1 > this.#max_chars) {
      this.is_cut = true;
      return false;
    }
    this.#lines.push(text);
    this.#chars += text.length + 1;
    if (this.#tail_lines !== undefined) this.#dropFirst(this.#tail_lines);
    return true;
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }

  #dropFirst(tail_lines: number): void {
    while (this.#lines.length > tail_lines || this.#chars > this.#max_chars) {
      if (this.#lines.length <= tail_lines) this.is_cut = true;
      this.#chars -= (this.#lines.shift() ?? "").length + 1;
    }
  }
}
