/** What to check out of a repository: the rules of its name, and the one thing that it stands for. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";

const MAX_REF_BYTES = 200;
const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Hexadecimal digits of an object's name, by the hash of its repository. */
const ID_CHARS = { sha1: 40, sha256: 64 } as const;
/** What `git check-ref-format` refuses in a name, whole or in part. */
const REFUSED = /[\u0000- \u007f~^:?*[\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)|^[-./@]$|^[-./]|[./]$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

export type ObjectFormat = keyof typeof ID_CHARS;

/** A ref as a server names it. */
export interface RemoteRef {
  readonly name: string;
  readonly id: string;
  /** What an annotated tag leads to */
  readonly peeled?: string;
  /** The ref that it stands for, as HEAD does */
  readonly target?: string;
}

/** What is to be checked out. */
export interface Choice {
  /** Object to ask for */
  readonly id: string;
  /** Full name of the ref; null for a commit */
  readonly ref: string | null;
}

/** Raises `repo_ref_invalid` for what can be no name. */
export function checkRef(ref: string): void {
  const isLong = Buffer.byteLength(ref) > MAX_REF_BYTES;
  if (ref === "" || isLong || REFUSED.test(ref) || LONE_SURROGATE.test(ref))
    throw new PyroError("repo_ref_invalid", `${showPath(ref.slice(0, MAX_REF_BYTES))} is no name of a ref`);
}

/** The beginnings of names that must be asked for, to find what a name stands for. */
export function prefixesOf(ref: string | undefined): string[] {
  if (ref === undefined) return ["HEAD"];
  if (ref === "HEAD" || ref.startsWith("refs/")) return [ref];
  return [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

/** The one thing that a name stands for among a server's refs; the server's own HEAD where there is no name. */
export function chooseRef(ref: string | undefined, refs: readonly RemoteRef[], format: ObjectFormat): Choice {
  const wanted = prefixesOf(ref);
  const found = refs.filter(({ name }) => wanted.includes(name));
  const first = found[0];
  const names = [...new Set(found.map(({ name }) => name))];
  if (names.length > 1) throw ambiguous(`${showPath(ref ?? "")} is a branch and a tag of the repository`, names);
  if (first !== undefined && ref !== undefined && isObjectId(ref, format))
    throw ambiguous(`"${ref}" is the name of a ref, and may be a commit`, names);
  if (first !== undefined) return { id: first.id, ref: branchOf(first) };
  if (ref === undefined || ref === "HEAD") throw nothing("The repository has no commit that its HEAD leads to", {});
  if (!OBJECT_ID.test(ref)) throw nothing(`The repository has no branch or tag ${showPath(ref)}`, { ref });
  if (ref.length === ID_CHARS[format]) return { id: ref, ref: null };
  throw nothing(`"${ref}" names no object of the repository, whose names have ${ID_CHARS[format]} digits`, { ref });
}

function ambiguous(message: string, refs: readonly string[]): PyroError {
  return new PyroError("repo_ref_ambiguous", message, {
    hint: `Give the full name: ${refs.join(" or ")}`,
    details: { refs },
  });
}

function nothing(message: string, details: Record<string, string>): PyroError {
  return new PyroError("repo_ref_not_found", message, { details });
}

/** HEAD is checked out as the branch that it stands for. */
function branchOf({ name, target }: RemoteRef): string | null {
  if (name !== "HEAD") return name;
  return target?.startsWith("refs/heads/") && !REFUSED.test(target) ? target : null;
}

/** Whether a text is an object's name in that format. */
export function isObjectId(text: string, format: ObjectFormat): boolean {
  return OBJECT_ID.test(text) && text.length === ID_CHARS[format];
}
