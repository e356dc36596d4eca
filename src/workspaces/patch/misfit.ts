/** Says of a hunk that does not fit what was expected, what was found, and where it would fit. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { Hunk } from "./file-patch.ts";
import type { Misfit } from "./fit.ts";
import { patchLimits } from "./limits.ts";

/** Files up to this size are searched for another place */
const SEARCHED_BYTES = 8 * 1_048_576;

/** The error for a hunk of that file, whose content is bytes of one character each. */
export function misfitError(path: string, content: string, misfit: Misfit): PyroError {
  const { hunk, offset } = misfit;
  const found = linesAt(content, offset, hunk.old_count);
  const expected = linesAt(hunk.old_text, 0, hunk.old_count);
  const differing = expected.findIndex((line, at) => line !== found[at]);
  const line = hunk.at + 1 + Math.max(0, differing);
  const problem = misfit.isBare
    ? "has no line of context, so that nothing tells whether it belongs there"
    : `does not fit at line ${line}`;
  const hint = misfit.isBare ? "Make the patch anew with three lines of context" : hintFor(content, misfit);
  return new PyroError(
    "patch_does_not_fit",
    `${showPath(path)}: the hunk at line ${hunk.patch_line} of the patch ${problem}`,
    {
      details: {
        path,
        line,
        patch_line: hunk.patch_line,
        expected: shown(expected.join("")),
        found: shown(found.join("")),
      },
      ...(hint === undefined ? {} : { hint }),
    },
  );
}

/** The error that something else than a file is where a patch needs one, or something where it needs nothing. */
export function stateError(path: string, problem: string, patch_line: number): PyroError {
  return new PyroError("patch_does_not_fit", `${showPath(path)} ${problem}`, {
    details: { path, line: null, patch_line, expected: null, found: null },
  });
}

function hintFor(content: string, { hunk, offset }: Misfit): string | undefined {
  const rest = content.slice(offset, offset + 2 * hunk.old_text.length + 1);
  if (rest.startsWith(hunk.old_text.replaceAll("\n", "\r\n")))
    return "The file's lines end in CR LF, and those of the patch do not";
  if (hunk.old_text.includes("\r\n") && rest.startsWith(hunk.old_text.replaceAll("\r\n", "\n")))
    return "The lines of the patch end in CR LF, and the file's do not";
  const line = onlyPlaceOf(content, hunk);
  return line === undefined ? undefined : `It would fit at line ${line}: make the patch anew, or begin the hunk there`;
}

/** The one line, from 1, at which the old lines of a hunk are found; undefined where there is none or more than one. */
function onlyPlaceOf(content: string, { old_text }: Hunk): number | undefined {
  if (content.length > SEARCHED_BYTES || old_text === "") return undefined;
  const numbers = new Map<string, number>();
  const numbered = (text: string) =>
    linesAt(text, 0, Number.POSITIVE_INFINITY).map((line) => {
      const number = numbers.get(line) ?? numbers.size;
      numbers.set(line, number);
      return number;
    });
  const places = occurrences(numbered(content), numbered(old_text));
  const [place] = places;
  return places.length === 1 && place !== undefined ? place + 1 : undefined;
}

/** The first two places of a sequence in another, in linear time (Knuth, Morris, Pratt). */
function occurrences(within: readonly number[], wanted: readonly number[]): number[] {
  const back = fallbacks(wanted);
  const found: number[] = [];
  let matched = 0;
  for (let at = 0; at < within.length && found.length < 2; at += 1) {
    matched = advance(wanted, back, matched, within[at]);
    if (matched < wanted.length) continue;
    found.push(at - wanted.length + 1);
    matched = back[matched] ?? 0;
  }
  return found;
}

/** For each length of a beginning, the longest shorter one that it ends in. */
function fallbacks(wanted: readonly number[]): number[] {
  const back = [0, 0];
  let matched = 0;
  for (let at = 1; at < wanted.length; at += 1) {
    matched = advance(wanted, back, matched, wanted[at]);
    back.push(matched);
  }
  return back;
}

function advance(wanted: readonly number[], back: readonly number[], from: number, next: number | undefined): number {
  let matched = from;
  while (matched > 0 && wanted[matched] !== next) matched = back[matched] ?? 0;
  return wanted[matched] === next ? matched + 1 : matched;
}

/** At most so many lines from an offset on, with their line feeds. */
function linesAt(text: string, offset: number, count: number): string[] {
  const lines: string[] = [];
  for (let at = offset; at < text.length && lines.length < count; ) {
    const feed = text.indexOf("\n", at);
    const end = feed < 0 ? text.length : feed + 1;
    lines.push(text.slice(at, end));
    at = end;
  }
  return lines;
}

/** The beginning of some lines as text. */
function shown(bytes: string): string {
  return Buffer.from(bytes.slice(0, patchLimits.shown_bytes), "latin1").toString("utf8");
}
