/** Regular expressions of a caller's, matched line by line, with an end to every match whatever the expression. */
import { type Context, createContext, Script } from "node:vm";
import { PyroError } from "../contract/errors.ts";

/** Longest pattern, in characters (docs/design/limits.md). */
const MAX_PATTERN = 1024;
/** Time for one batch of lines, in milliseconds (docs/design/limits.md): nothing else runs meanwhile. */
const MATCH_MS = 1_000;

// A script is the only thing whose regular expressions node can interrupt.
const script = new Script("lines.map((line) => pattern.test(line.endsWith('\\r') ? line.slice(0, -1) : line))");
let context: (Context & { lines?: unknown; pattern?: unknown }) | undefined;

export class LinePattern {
  readonly #pattern: RegExp;

  /** Throws `invalid_input` for what is no regular expression. */
  constructor(source: string) {
    if (source.length > MAX_PATTERN)
      throw new PyroError("invalid_input", `The pattern has ${source.length} characters, more than ${MAX_PATTERN}`);
    try {
      this.#pattern = new RegExp(source);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PyroError("invalid_input", `"${source}" is no regular expression: ${reason}`, {
        hint: "Write it as JavaScript does, and a backslash before each special character",
        details: { pattern: source },
        cause,
      });
    }
  }

  /** For each line, without the carriage return at its end, whether it matches. Throws `invalid_input` where that takes too long. */
  test(lines: readonly string[]): readonly boolean[] {
    context ??= createContext({});
    context.lines = lines;
    context.pattern = this.#pattern;
    try {
      return script.runInContext(context, { timeout: MATCH_MS }) as boolean[];
    } catch (cause) {
      throw new PyroError("invalid_input", `The pattern "${this.#pattern.source}" takes too long to match`, {
        hint: "Leave out repetitions of repetitions",
        details: { pattern: this.#pattern.source },
        cause,
      });
    } finally {
      context.lines = undefined;
      context.pattern = undefined;
    }
  }
}
