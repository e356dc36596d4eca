/** Names that archives give their images: whole references, or tags alone. */

import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { familiarName } from "../names.ts";
import { parseReference } from "../registry/reference.ts";

/** Longest list of names in a message. */
const SHOWN = 20;

/** Whether what the archive says is the name that was asked for; a tag alone is that of any name. */
export function isNamed(said: string, wanted: string): boolean {
  if (said === wanted) return true;
  const [one, other] = [environmentOf(said), environmentOf(wanted)];
  return one === undefined ? said === tagOf(wanted) : one === other;
}

/** The environment's name that the archive's stands for: an image's, never an entry's of the catalog. Undefined for a tag alone, and for what is no name. */
function environmentOf(said: string): string | undefined {
  if (!/[:/]/.test(said)) return undefined;
  try {
    return familiarName(parseReference(said));
  } catch {
    return undefined;
  }
}

function tagOf(name: string): string | undefined {
  try {
    return parseReference(name).tag;
  } catch {
    return undefined;
  }
}

/** The one name that an archive has for its image; `image_name_unclear` where it has none, or several. */
export function onlyName(said: readonly string[], path: string): string {
  const names = [...new Set(said.flatMap((each) => environmentOf(each) ?? []))];
  const [name, ...others] = names;
  if (name !== undefined && others.length === 0) return name;
  const tags = said.filter((each) => environmentOf(each) === undefined);
  const list = (name === undefined ? tags : names).slice(0, SHOWN).map(showPath).join(", ");
  const alone = list === "" ? "no name for its image" : `no name for its image but the tag ${list}`;
  const problem = name === undefined ? alone : `${names.length} names for its image: ${list}`;
  throw new PyroError("image_name_unclear", `${showPath(path)} has ${problem}`, {
    hint: pullHint(name ?? "NAME", path),
    details: { path, offered: said.slice(0, SHOWN) },
  });
}

/** What to type for the image that the archive names so. */
export function hintFor(said: string | undefined, path: string): string {
  const isTag = said !== undefined && /^[\w.-]+$/.test(said);
  return pullHint((said && environmentOf(said)) ?? (isTag ? `NAME:${said}` : "NAME"), path);
}

function pullHint(name: string, path: string): string {
  return `pyro env pull ${name} --from-archive ${/^[\w./:@+-]+$/.test(path) ? path : showPath(path)}`;
}
