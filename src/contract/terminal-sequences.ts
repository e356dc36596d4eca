/** Which control sequences of a guest may reach a person's terminal: those that move, color and clear, and none that asks, names, copies or prints. */

/** Private modes that may be set: cursor keys, screen, wrapping, cursor, mouse, alternate screen, pasting, synchronized output. */
const modes: ReadonlySet<number> = new Set([
  1, 5, 6, 7, 12, 25, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1048, 1049, 2004, 2026,
]);
/** Those that are on until they are reset. */
const onAtFirst: ReadonlySet<number> = new Set([7, 25]);
/** Finals of sequences with nothing but numbers. */
const finals = new Set("ABCDEFGHIJKLMPSTXZ`abdefgmru@s");
const ESCAPES = new Set("78=>DEHMc");
const CSI = /^\x1b\[([?!>=<]?)([0-9;:]*)([ -/]*)([@-~])$/;

/** What sequences leave behind on a terminal, so that it can be put right at the end. */
export class TerminalState {
  readonly #modes = new Set<number>();
  #is_styled = false;
  #has_margins = false;
  #has_charset = false;
  #has_keypad = false;
  #inserts = false;

  /** The sequence as it may be shown; empty where it may not. */
  admit(sequence: string): string {
    if (sequence.startsWith("\x1b[")) return this.#control(sequence);
    const [, second = "", third = ""] = sequence;
    if ("()*+".includes(second)) {
      this.#has_charset = true;
      return "0AB".includes(third) && third !== "" ? sequence : "";
    }
    if (second === "=") this.#has_keypad = true;
    return ESCAPES.has(second) && sequence.length === 2 ? sequence : "";
  }

  /** A character set was chosen by a control character. */
  noteShift(): void {
    this.#has_charset = true;
  }

  /** What puts the terminal right. */
  restore(): string {
    const modes = [...this.#modes].map((mode) => `\x1b[?${mode}${onAtFirst.has(mode) ? "h" : "l"}`);
    return [
      this.#has_margins ? "\x1b7\x1b[r\x1b8" : "",
      this.#has_charset ? "\x0f\x1b(B" : "",
      this.#has_keypad ? "\x1b>" : "",
      this.#inserts ? "\x1b[4l" : "",
      ...modes,
      this.#is_styled ? "\x1b[0m" : "",
    ].join("");
  }

  #control(sequence: string): string {
    const [, prefix, numbers = "", between, final = ""] = CSI.exec(sequence) ?? [];
    if (prefix === "?" && between === "" && "hl".includes(final)) return this.#mode(numbers, final);
    if (prefix === "?" && between === "") return "JK".includes(final) ? sequence : "";
    if (prefix === "!") return final === "p" && numbers === "" && between === "" ? sequence : "";
    if (prefix !== "") return "";
    if (between !== "") return between === " " && final === "q" ? sequence : "";
    if ("hl".includes(final)) {
      this.#inserts ||= numbers === "4";
      return numbers === "4" ? sequence : "";
    }
    if (final === "m") this.#is_styled = true;
    if (final === "r") this.#has_margins = true;
    return finals.has(final) ? sequence : "";
  }

  #mode(numbers: string, final: string): string {
    const wanted = numbers
      .split(";")
      .map(Number)
      .filter((mode) => modes.has(mode));
    for (const mode of wanted) {
      if ((final === "h") === onAtFirst.has(mode)) this.#modes.delete(mode);
      else this.#modes.add(mode);
    }
    return wanted.length === 0 ? "" : `\x1b[?${wanted.join(";")}${final}`;
  }
}
