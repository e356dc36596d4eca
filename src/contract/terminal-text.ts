/** Text of a guest on its way to a person: `screen` keeps what draws on a terminal, `text` keeps nothing but text. Where it is split makes no difference. */
import { TerminalState } from "./terminal-sequences.ts";

export type Strength = "screen" | "text";

/** Characters after which a sequence that does not end is given up, and what follows is text again (docs/design/limits.md). */
const MAX_SEQUENCE_CHARS = 4_096;

type Place = "text" | "escape" | "control" | "string" | "string_escape";

const ESC = "\x1b";
/** Introducers in one character, as two. */
const introducers: ReadonlyMap<string, string> = new Map([
  ["\x90", "P"],
  ["\x98", "X"],
  ["\x9b", "["],
  ["\x9d", "]"],
  ["\x9e", "^"],
  ["\x9f", "_"],
]);
/** What begins a string: device control, start of string, operating system command, privacy message, application, title of tmux. */
const STRINGS = "PX]^_k";
const ENDS = new Set(["\x07", "\x9c"]);
const ABORTS = new Set(["\x18", "\x1a"]);
/** Control characters that a terminal may act on: bell, backspace, tab, line ends, character sets. */
const DRAWING = new Set(["\x07", "\b", "\t", "\n", "\v", "\f", "\r", "\x0e", "\x0f"]);
const isControl = (character: string) => character < " " || (character >= "\x7f" && character <= "\x9f");
/** A run of text that needs no look at each character. */
const PLAIN = /[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]+/uy;
const INVISIBLE = /^[\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]$/u;

export class TerminalText {
  readonly #strength: Strength;
  readonly #state = new TerminalState();
  #place: Place = "text";
  /** The sequence so far; of a string only its length */
  #sequence = "";
  #length = 0;
  #after_return = false;
  /** The first half of a character whose second has not come */
  #half = "";

  constructor(strength: Strength) {
    this.#strength = strength;
  }

  /** What of the next part may be shown. */
  push(part: string): string {
    const text = this.#half + part;
    const isSplit = /[\ud800-\udbff]$/.test(text);
    this.#half = isSplit ? text.slice(-1) : "";
    const end = isSplit ? text.length - 1 : text.length;
    let output = "";
    for (let at = 0; at < end; ) {
      const run = this.#place === "text" ? plainRun(text, at, end) : "";
      if (run !== "") {
        this.#after_return = false;
        output += run;
        at += run.length;
        continue;
      }
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
      output += this.#take(character);
      at += character.length;
    }
    return output;
  }

  /** What puts the terminal right once nothing follows. */
  end(): string {
    const rest = this.#half === "" ? "" : "\ufffd";
    this.#half = "";
    return this.#strength === "screen" ? rest + this.#state.restore() : rest;
  }

  #take(character: string): string {
    if (this.#place === "text") return this.#inText(character);
    if (ABORTS.has(character)) return this.#leave("");
    this.#length += character.length;
    if (this.#length > MAX_SEQUENCE_CHARS) return this.#leave("") + this.#inText(character);
    if (this.#place === "string" || this.#place === "string_escape") return this.#inString(character);
    if (character === ESC) return this.#enter("escape", ESC);
    const introduced = introducers.get(character);
    if (introduced !== undefined) return this.#introduce(introduced);
    if (isControl(character)) return this.#inText(character);
    return this.#place === "escape" ? this.#inEscape(character) : this.#inControl(character);
  }

  #inText(character: string): string {
    const afterReturn = this.#after_return;
    this.#after_return = false;
    if (character === ESC) return this.#enter("escape", ESC);
    const introduced = introducers.get(character);
    if (introduced !== undefined) return this.#introduce(introduced);
    if (INVISIBLE.test(character)) return this.#strength === "text" ? escaped(character) : character;
    if (!isControl(character)) return character;
    return this.#strength === "text" ? this.#lineEnd(character, afterReturn) : this.#drawing(character);
  }

  /** Every way to get to another line is a line break; what a return would have covered is seen. */
  #lineEnd(character: string, afterReturn: boolean): string {
    if (character === "\t") return character;
    if (character === "\n" && afterReturn) return "";
    this.#after_return = character === "\r";
    return "\n\r\v\f\x85".includes(character) ? "\n" : "";
  }

  #drawing(character: string): string {
    if (character === "\x0e") this.#state.noteShift();
    return DRAWING.has(character) ? character : "";
  }

  #inEscape(character: string): string {
    this.#sequence += character;
    if (this.#sequence.length === 2 && (character === "[" || STRINGS.includes(character)))
      return this.#introduce(character);
    return character >= "0" ? this.#leave(this.#sequence) : "";
  }

  #inControl(character: string): string {
    this.#sequence += character;
    return character >= "@" ? this.#leave(this.#sequence) : "";
  }

  #inString(character: string): string {
    if (ENDS.has(character) || (this.#place === "string_escape" && character === "\\")) return this.#leave("");
    if (this.#place === "string_escape" && character !== ESC) {
      this.#enter("escape", ESC);
      return this.#take(character);
    }
    this.#place = character === ESC ? "string_escape" : "string";
    return "";
  }

  #introduce(character: string): string {
    return character === "[" ? this.#enter("control", `${ESC}[`) : this.#enter("string", "");
  }

  #enter(place: Place, sequence: string): string {
    this.#place = place;
    this.#sequence = sequence;
    this.#length = 0;
    return "";
  }

  #leave(sequence: string): string {
    this.#place = "text";
    return sequence === "" || this.#strength === "text" ? "" : this.#state.admit(sequence);
  }
}

function plainRun(text: string, at: number, end: number): string {
  PLAIN.lastIndex = at;
  return (PLAIN.exec(text)?.[0] ?? "").slice(0, end - at);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
