/** How a file system tells names apart: Linux's own do by their bytes, others fold case or forms of Unicode, and keep names for themselves. */
import { PyroError } from "../contract/errors.ts";
import { showPath } from "../contract/path-bytes.ts";
import type { DirectoryHandle } from "./directory-handle.ts";
import { errnoOf } from "./files.ts";

export interface NameRules {
  /** Two different names may be the same one */
  readonly folds: boolean;
  /** Some names, such as those with a colon, cannot be given */
  readonly reserves: boolean;
}

/** What of a directory it takes to find its rules */
type Tried = Pick<DirectoryHandle, "makeFile" | "stateOf" | "remove">;

/** Pairs of names that only some file systems take for one. */
const pairs = [
  ["pyro-Probe", "PYRO-pROBE"],
  ["pyro-\u00e9", "pyro-e\u0301"],
  ["pyro-dot.", "pyro-dot"],
] as const;

/** Finds the rules by trying them in a directory that has nothing of these names. */
export function nameRulesOf(directory: Tried): NameRules {
  return {
    folds: pairs.some(([made, other]) =>
      tried(directory, made, () => directory.stateOf(Buffer.from(other)) !== undefined),
    ),
    reserves: tried(directory, "pyro-a:b", () => false),
  };
}

/** What is seen while a file of that name is there; true where it cannot be made since of its name. */
function tried(directory: Tried, name: string, look: () => boolean): boolean {
  try {
    directory.makeFile(Buffer.from(name), 0o600).close();
  } catch (thrown) {
    if (["EINVAL", "EILSEQ"].includes(errnoOf(thrown) ?? "")) return true;
    throw thrown;
  }
  try {
    return look();
  } finally {
    directory.remove(Buffer.from(name));
  }
}

const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)|[<>:"|?*\\\u0000-\u001f]|[. ]$/i;

/** The names of one tree, where it is written. */
export class WrittenNames {
  readonly #rules: NameRules;
  readonly #paths = new Map<string, string>();

  constructor(rules: NameRules) {
    this.#rules = rules;
  }

  /** Throws `name_collision` for a path that is another's there, `name_reserved` for one that cannot be given. */
  admit(path: string): void {
    const { folds, reserves } = this.#rules;
    if (reserves && path.split("/").some((name) => RESERVED.test(name)))
      throw new PyroError("name_reserved", `${showPath(path)} has a name that the file system keeps for itself`, {
        details: { path },
      });
    if (!folds) return;
    const key = this.key(path);
    const other = this.#paths.get(key);
    if (other !== undefined) throw collision(path, other);
    this.#paths.set(key, path);
  }

  /** What all paths have in common that are the same one there. */
  key(path: string): string {
    return this.#rules.folds ? path.split("/").map(folded).join("/") : path;
  }
}

export function collision(path: string, other?: string, cause?: unknown): PyroError {
  const another = other === undefined ? "another one" : showPath(other);
  return new PyroError("name_collision", `${showPath(path)} is the same name as ${another} to the file system`, {
    details: { path },
    cause,
  });
}

/** More names are the same by this than to any file system; `.` and `..` stay what they are. */
function folded(name: string): string {
  if (/^\.\.?$/.test(name)) return name;
  const visible = name.replace(/\p{Default_Ignorable_Code_Point}/gu, "").replace(/[. ]+$/, "");
  return visible.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}
