/** The lines of a patch, one after the other, as bytes of one character each; and what is said of a line that does not belong. */
import { PyroError } from "../../contract/errors.ts";

const SHOWN_CHARS = 200;

/** Lines without their line feeds; a carriage return is content. */
export class PatchLines {
  readonly #text: string;
  #begin = 0;
  #end = 0;
  #number = 0;
  #line: string | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#read();
  }

  /** Number of the line that is due, from 1 */
  get number(): number {
    return this.#number;
  }

  /** The line that is due; undefined after the last. */
  get line(): string | undefined {
    return this.#line;
  }

  /** The same without a carriage return at its end, as a line that is no content is read. */
  get header(): string | undefined {
    return this.#line?.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
  }

  /** A line of content: what is behind its sign, with a line feed. */
  get content(): string {
    if (this.#begin === this.#end) return "\n";
    return this.#end < this.#text.length
      ? this.#text.slice(this.#begin + 1, this.#end + 1)
      : `${this.#line?.slice(1)}\n`;
  }

  /** Bytes from the line that is due to the end */
  get left(): number {
    return this.#text.length - this.#begin;
  }

  next(): void {
    this.#begin = this.#end + 1;
    this.#read();
  }

  #read(): void {
    const end = this.#text.indexOf("\n", this.#begin);
    this.#end = end < 0 ? this.#text.length : end;
    this.#number += 1;
    this.#line = this.#begin < this.#text.length ? this.#text.slice(this.#begin, this.#end) : undefined;
  }

  /** The error that the line that is due, or the one with this number, does not belong. */
  malformed(problem: string, line = this.#number): PyroError {
    const text = line === this.#number ? (this.line ?? "") : "";
    return new PyroError("patch_malformed", `line ${line} of the patch: ${problem}`, {
      details: { line, text: text.slice(0, SHOWN_CHARS) },
    });
  }

  /** The error that a patch is of a kind that is not applied. */
  unsupported(what: string, hint?: string): PyroError {
    const line = this.#number;
    return new PyroError("patch_unsupported", `line ${line} of the patch: ${what}`, {
      details: { line },
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
