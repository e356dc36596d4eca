/** Puts hunks into a file, each at its own line and nowhere else. Contents are bytes, one character each. */
import type { Hunk } from "./file-patch.ts";

/** A hunk that does not fit, and where it was to. */
export interface Misfit {
  readonly hunk: Hunk;
  /** Where its first line would begin; the file's length where it has fewer lines */
  readonly offset: number;
  /** Whether the lines are there, but nothing around them says that it is these */
  readonly isBare: boolean;
}

/** The content with all hunks in it, or the first that does not fit. */
export function applyHunks(content: string, hunks: readonly Hunk[]): string | Misfit {
  const parts: string[] = [];
  let [line, offset, done] = [0, 0, 0];
  for (const hunk of hunks) {
    const place = placeOf(content, { line, offset }, hunk.at);
    if (place === undefined) return { hunk, offset: content.length, isBare: false };
    [line, offset] = [hunk.at, place];
    const end = endOf(content, hunk, offset);
    if (end === undefined) return { hunk, offset, isBare: false };
    if (isBare(hunk) && !(offset === 0 && end === content.length)) return { hunk, offset, isBare: true };
    parts.push(content.slice(done, offset), hunk.new_text);
    done = end;
  }
  parts.push(content.slice(done));
  return parts.join("");
}

/** The hunks that take back what these do. */
export function reversed(hunks: readonly Hunk[]): Hunk[] {
  let moved = 0;
  return hunks.map((hunk) => {
    const { old_count, new_count, old_text, new_text, additions, deletions } = hunk;
    const at = hunk.at + moved;
    moved += new_count - old_count;
    const swapped = { old_count: new_count, new_count: old_count, old_text: new_text, new_text: old_text };
    return { ...hunk, ...swapped, at, additions: deletions, deletions: additions };
  });
}

/** Where a line begins, found from a line before it; undefined where the file has no such line, nor its end there. */
function placeOf(
  content: string,
  from: { readonly line: number; readonly offset: number },
  line: number,
): number | undefined {
  let { offset } = from;
  for (let left = line - from.line; left > 0; left -= 1) {
    const feed = content.indexOf("\n", offset);
    if (feed < 0) return undefined;
    offset = feed + 1;
  }
  return offset;
}

/** Where the old lines of a hunk end; undefined where they are not what is there. */
function endOf(content: string, { old_text, new_text }: Hunk, offset: number): number | undefined {
  if (!content.startsWith(old_text, offset)) return undefined;
  const end = offset + old_text.length;
  const isLast = [old_text, new_text].some((text) => text !== "" && !text.endsWith("\n"));
  return isLast && end !== content.length ? undefined : end;
}

/** A hunk that only adds or only takes away, without context, would fit again where it has been applied. */
function isBare({ old_text, new_text }: Hunk): boolean {
  return old_text === "" || new_text === "";
}
