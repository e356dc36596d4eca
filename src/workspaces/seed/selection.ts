/** A choice of paths as a tree of names, so that a walk takes these and no others. */
import { PyroError } from "../../contract/errors.ts";
import { decodePath, showPath } from "../../contract/path-bytes.ts";

const SLASH = 0x2f;

/** Names below one directory. */
export class Selection {
  readonly #children = new Map<string, Selection>();
  /** The path itself was chosen, not only something below it. */
  isListed = false;

  /** The chosen names in the order of their bytes. */
  names(): Buffer[] {
    return [...this.#children.keys()].sort().map((name) => Buffer.from(name, "latin1"));
  }

  get(name: Uint8Array): Selection | undefined {
    return this.#children.get(keyOf(name));
  }

  /** What was chosen below a name. */
  below(name: Uint8Array): Selection {
    const key = keyOf(name);
    const found = this.#children.get(key) ?? new Selection();
    this.#children.set(key, found);
    return found;
  }

  /** Chooses a path below this directory, and tells whether it was chosen before; raises `path_escape` for one that leads out of it. */
  add(path: Buffer): { readonly isListed: boolean } {
    let node: Selection = this;
    for (const name of namesOf(path)) node = node.below(name);
    const { isListed } = node;
    node.isListed = true;
    return { isListed };
  }

  /** The node of a path, where something in it was chosen. */
  find(path: Buffer): Selection | undefined {
    let node: Selection | undefined = this;
    for (const name of namesOf(path)) node = node?.get(name);
    return node;
  }
}

const keyOf = (name: Uint8Array): string => Buffer.from(name).toString("latin1");

/** The names of a relative path; a slash at its end is no name. */
export function namesOf(path: Buffer): Buffer[] {
  const end = path.at(-1) === SLASH ? path.length - 1 : path.length;
  const names: Buffer[] = [];
  for (let at = 0; at <= end; ) {
    const slash = path.indexOf(SLASH, at);
    const stop = slash < 0 || slash > end ? end : slash;
    const name = path.subarray(at, stop);
    if (["", ".", ".."].includes(name.toString("latin1")))
      throw new PyroError("path_escape", `${showPath(decodePath(path))} is not a path below its directory`);
    names.push(name);
    at = stop + 1;
  }
  return names;
}
