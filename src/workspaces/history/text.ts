/** The text of a command's output from a cursor on. */
import type { CommandLog } from "./command-log.ts";
import { bytesOfChars } from "./utf8.ts";

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

/** What was left out, as it stands in a text. */
export function gap(bytes: number): string {
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
