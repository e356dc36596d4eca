/** What every tree of files keeps to, whoever sends it: names that stay inside, directories before their content, no path twice, and limits. */
import { type ErrorCode, PyroError } from "./errors.ts";
import { encodePath, isPathText, showPath } from "./path-bytes.ts";
import type { EntryKind, TreeEntry } from "./tree.ts";

/** Most that a tree may hold. */
export interface TreeLimits {
  /** Content of all files together */
  readonly total_bytes: number;
  readonly entries: number;
  /** Names in one path */
  readonly depth: number;
  readonly name_bytes: number;
  readonly path_bytes: number;
}

/** Limits of a seed, a push and an export. The kernel's 4,096 bytes of a path include a final NUL. */
export const treeLimits: TreeLimits = {
  total_bytes: 2 * 1024 ** 3,
  entries: 500_000,
  depth: 64,
  name_bytes: 255,
  path_bytes: 4_095,
};

const count = (number: number) => number.toLocaleString("en-US");

function refuse(code: ErrorCode, path: string, problem: string, more: Record<string, unknown> = {}): PyroError {
  return new PyroError(code, `${showPath(path)} ${problem}`, { details: { path, ...more } });
}

/** Raises `path_escape` or `tree_inconsistent` for a path that is not one of a tree, `too_large` for one beyond the limits. */
export function checkTreePath(path: string, limits: TreeLimits = treeLimits): void {
  if (path.startsWith("/")) throw refuse("path_escape", path, "is an absolute path");
  const names = path.split("/");
  if (names.includes("..")) throw refuse("path_escape", path, 'has ".." in it');
  if (names.includes("") || names.includes(".") || path.includes("\0") || !isPathText(path))
    throw refuse("tree_inconsistent", path, "is not a path of a tree");
  if (names.length > limits.depth)
    throw refuse("too_large", path, `lies deeper than ${limits.depth} names`, { limit: limits.depth });
  if (path.length * 3 <= limits.name_bytes) return;
  if (encodePath(path).length > limits.path_bytes)
    throw refuse("too_large", path, `is longer than ${count(limits.path_bytes)} bytes`, { limit: limits.path_bytes });
  if (names.some((name) => encodePath(name).length > limits.name_bytes))
    throw refuse("too_large", path, `has a name of more than ${limits.name_bytes} bytes`, { limit: limits.name_bytes });
}

/** Admits the entries of one tree in the order in which they come. */
export class TreeCheck {
  readonly limits: TreeLimits;
  readonly #kinds = new Map<string, EntryKind>();
  #total_bytes = 0;

  constructor(limits: TreeLimits = treeLimits) {
    this.limits = limits;
  }

  get entry_count(): number {
    return this.#kinds.size;
  }

  get total_bytes(): number {
    return this.#total_bytes;
  }

  /** What was admitted under that path. */
  kindOf(path: string): EntryKind | undefined {
    return this.#kinds.get(path);
  }

  /** Raises a typed error where the entry does not fit behind those before it. */
  admit(entry: TreeEntry): void {
    const { path, kind, size_bytes } = entry;
    checkTreePath(path, this.limits);
    this.#checkShape(entry);
    if (this.#kinds.has(path)) throw refuse("duplicate_entry", path, "comes twice");
    this.#checkParent(path);
    if (this.#kinds.size >= this.limits.entries)
      throw new PyroError("too_large", `there are more than ${count(this.limits.entries)} entries`, {
        details: { limit: this.limits.entries },
      });
    this.#total_bytes += size_bytes;
    if (this.#total_bytes > this.limits.total_bytes)
      throw new PyroError("too_large", `the files hold more than ${count(this.limits.total_bytes)} bytes`, {
        details: { path, limit: this.limits.total_bytes },
      });
    this.#kinds.set(path, kind);
  }

  #checkShape({ path, kind, size_bytes, link_target }: TreeEntry): void {
    if (kind !== "file" && kind !== "directory" && kind !== "symlink")
      throw refuse("unsupported_type", path, `is of the type ${JSON.stringify(kind)}`);
    const whole = Number.isSafeInteger(size_bytes) && size_bytes >= 0;
    if (!whole || (kind !== "file" && size_bytes !== 0))
      throw refuse("tree_inconsistent", path, `has an impossible size, ${JSON.stringify(size_bytes)}`);
    if ((kind === "symlink") !== (link_target !== null)) throw refuse("tree_inconsistent", path, "is half a symlink");
    if (link_target === null) return;
    if (link_target === "" || link_target.includes("\0") || !isPathText(link_target))
      throw refuse("tree_inconsistent", path, "is a symlink to what is no path");
    if (encodePath(link_target).length > this.limits.path_bytes)
      throw refuse("too_large", path, `points to a path of more than ${count(this.limits.path_bytes)} bytes`, {
        limit: this.limits.path_bytes,
      });
  }

  #checkParent(path: string): void {
    const cut = path.lastIndexOf("/");
    if (cut < 0) return;
    const parent = path.slice(0, cut);
    const kind = this.#kinds.get(parent);
    if (kind === "directory") return;
    if (kind === "symlink") throw refuse("path_escape", path, `lies below the symlink ${showPath(parent)}`);
    if (kind === "file") throw refuse("tree_inconsistent", path, `lies below the file ${showPath(parent)}`);
    this.#checkParent(parent);
    throw refuse("tree_inconsistent", path, `comes before its directory ${showPath(parent)}`);
  }
}
