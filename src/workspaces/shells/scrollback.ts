/** What a shell printed, as characters: the newest are kept, and a position counts from the first that ever came. */

/** Characters (UTF-16 units) that are kept of one shell (docs/design/limits.md). */
const KEPT_CHARS = 4_194_304;
/** Characters from which on a part is not added to. */
const PART_CHARS = 16_384;

/** A piece of it. */
export interface Excerpt {
  readonly output: string;
  /** Where this output begins */
  readonly cursor: number;
  /** Where the next begins */
  readonly next_cursor: number;
  /** Some of what was asked for is not kept */
  readonly truncated: boolean;
}

const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;

export class Scrollback {
  readonly #kept_chars: number;
  #parts: string[] = [];
  #begin = 0;
  #end = 0;

  constructor(kept_chars = KEPT_CHARS) {
    this.#kept_chars = kept_chars;
  }

  /** Position of the first character that is kept */
  get begin(): number {
    return this.#begin;
  }

  /** Position behind the last character */
  get end(): number {
    return this.#end;
  }

  /** Adds text that ends with no half of a character; the oldest goes where there is too much. */
  append(text: string): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && last.length + text.length <= PART_CHARS)
      this.#parts[this.#parts.length - 1] = last + text;
    else if (text !== "") this.#parts.push(text);
    this.#end += text.length;
    while (this.#parts.length > 1 && this.#end - this.#begin > this.#kept_chars)
      this.#begin += this.#parts.shift()?.length ?? 0;
  }

  /** From a position on, at most so many characters; one that is behind the end gives nothing. No character is cut in two. */
  read(cursor: number, max_chars: number): Excerpt {
    const from = this.#whole(Math.min(Math.max(cursor, this.#begin), this.#end));
    const whole = this.#slice(from, Math.min(this.#end, from + Math.max(2, max_chars)));
    const output = isHigh(whole.charCodeAt(whole.length - 1)) ? whole.slice(0, -1) : whole;
    return { output, cursor: from, next_cursor: from + output.length, truncated: cursor < this.#begin };
  }

  /** The position, or the one before it where it is in the middle of a character. */
  #whole(position: number): number {
    if (position <= this.#begin || position >= this.#end) return position;
    return isLow(this.#slice(position, position + 1).charCodeAt(0)) ? position - 1 : position;
  }

  #slice(from: number, to: number): string {
    let output = "";
    let at = this.#begin;
    for (const part of this.#parts) {
      if (at >= to) break;
      if (at + part.length > from) output += part.slice(Math.max(0, from - at), to - at);
      at += part.length;
    }
    return output;
  }
}
