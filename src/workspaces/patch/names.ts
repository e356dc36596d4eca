/** File names as they stand in a patch: plain, or in quotes with escapes as in C. */
import { PyroError } from "../../contract/errors.ts";
import { decodePath, showPath } from "../../contract/path-bytes.ts";
import { checkTreePath } from "../../contract/tree-check.ts";
import { gitPathIn } from "../export/git-names.ts";

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

/** A name in bytes of one character each, and what follows it. */
export interface NameAndRest {
  readonly name: string;
  readonly rest: string;
}

/** Reads a name in quotes at the beginning of a text; undefined where there is none. */
export function quotedName(text: string): NameAndRest | undefined {
  const [quoted] = /^"(?:[^"\\]|\\[abtnvfr"\\]|\\[0-3][0-7]{2})*"/.exec(text) ?? [];
  if (quoted === undefined) return undefined;
  const name = quoted.slice(1, -1).replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
    return escapes[code] ?? String.fromCharCode(Number.parseInt(code, 8));
  });
  return { name, rest: text.slice(quoted.length) };
}

/** The path of a name. Raises `path_escape` for one that leads out of the tree or into a Git directory; undefined for what is no path. */
export function pathOf(name: string): string | undefined {
  const path = decodePath(Buffer.from(name, "latin1"));
  try {
    checkTreePath(path);
  } catch (thrown) {
    if (thrown instanceof PyroError && thrown.code === "path_escape") throw thrown;
    return undefined;
  }
  if (gitPathIn(path) === undefined) return path;
  throw new PyroError("path_escape", `${showPath(path)} is, or lies in, a Git directory`, {
    hint: "Leave it out of the patch; change it with a git command in the workspace",
    details: { path },
  });
}
