/** What the merged tree's tar holds, in the order it is written: names without content, contents as they lie in their layers, other names of the same. */
import { PyroError } from "../../contract/errors.ts";
import type { Content, Inode } from "./inode.ts";
import { type LayerLimits, MAX_IDS } from "./limits.ts";
import type { LeftOut, Tree, TreeNode } from "./tree.ts";

const MAX_XATTR_NAME = 255;
const MAX_XATTR_BYTES = 65_536;
/** What squashfs can keep */
const KEPT_XATTR = /^(user|trusted|security)\../;
/** An overlay would obey these */
const OVERLAY_XATTR = /^(user|trusted)\.overlay\./;

/** A file whose content is read from its layer. */
export interface PlannedFile {
  readonly path: string;
  readonly inode: Inode;
  readonly content: Content;
}

export interface Plan {
  /** Everything whose content is nothing, parents first */
  readonly bare: readonly (readonly [path: string, inode: Inode])[];
  /** By layer, in the order of their contents */
  readonly files: ReadonlyMap<number, readonly PlannedFile[]>;
  readonly links: readonly (readonly [path: string, target: string])[];
  readonly entry_count: number;
  /** Time of the newest entry, in seconds since 1970 */
  readonly newest: number;
  /** Of all files, holes left out */
  readonly stored_bytes: number;
}

/** Plans the tar of a tree, and counts what the image cannot keep. */
export function planTree(tree: Tree, limits: LayerLimits): Plan {
  const planning = new Planning(tree.leftOut, limits);
  if (tree.root.inode.xattrs.length > 0) count(tree.leftOut, "attributes of the root", tree.root.inode.xattrs.length);
  const pending = [...tree.root.children.values()].reverse().map((node) => ({ node, path: node.name }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, path } = next;
    planning.add(node, path);
    for (const child of [...node.children.values()].reverse())
      pending.push({ node: child, path: `${path}/${child.name}` });
  }
  return planning.finish();
}

class Planning {
  readonly #leftOut: LeftOut;
  readonly #limits: LayerLimits;
  readonly #bare: [string, Inode][] = [];
  readonly #files = new Map<number, PlannedFile[]>();
  readonly #links: [string, string][] = [];
  readonly #names = new Map<Inode, string>();
  readonly #ids = new Set<number>();
  #entry_count = 1;
  #newest = 0;
  #stored_bytes = 0;
  #total_bytes = 0;

  constructor(leftOut: LeftOut, limits: LayerLimits) {
    this.#leftOut = leftOut;
    this.#limits = limits;
  }

  add({ inode }: TreeNode, path: string): void {
    this.#entry_count += 1;
    const first = inode.kind === "directory" ? undefined : this.#names.get(inode);
    if (first !== undefined) {
      this.#links.push([path, first]);
      return;
    }
    if (inode.kind !== "directory") this.#names.set(inode, path);
    this.#newest = Math.max(this.#newest, inode.mtime);
    this.#ids.add(inode.uid).add(inode.gid);
    const kept = inode.xattrs.length === 0 ? inode : { ...inode, xattrs: this.#keptXattrs(inode) };
    this.#total_bytes += inode.size;
    if (inode.content === undefined || inode.size === 0) this.#bare.push([path, kept]);
    else this.#addFile({ path, inode: kept, content: inode.content });
  }

  finish(): Plan {
    if (this.#total_bytes > this.#limits.total_bytes)
      throw new PyroError("image_too_large", `the image's files have ${this.#total_bytes} bytes, with their holes`, {
        details: { limit: this.#limits.total_bytes },
      });
    if (this.#ids.size > MAX_IDS)
      throw new PyroError("image_too_large", `the image's files have ${this.#ids.size} different owners`, {
        details: { limit: MAX_IDS },
      });
    for (const files of this.#files.values()) files.sort((one, other) => one.content.offset - other.content.offset);
    return {
      bare: this.#bare,
      files: this.#files,
      links: this.#links,
      entry_count: this.#entry_count,
      newest: this.#newest,
      stored_bytes: this.#stored_bytes,
    };
  }

  #addFile(file: PlannedFile): void {
    const { layer, stored } = file.content;
    const files = this.#files.get(layer) ?? [];
    files.push(file);
    this.#files.set(layer, files);
    this.#stored_bytes += stored;
  }

  #keptXattrs({ xattrs }: Inode): Inode["xattrs"] {
    const kept = xattrs.filter(
      ([name, value]) =>
        KEPT_XATTR.test(name) &&
        !OVERLAY_XATTR.test(name) &&
        name.length <= MAX_XATTR_NAME &&
        value.length <= MAX_XATTR_BYTES,
    );
    if (kept.length < xattrs.length) count(this.#leftOut, "extended attributes", xattrs.length - kept.length);
    return kept;
  }
}

function count(leftOut: LeftOut, reason: string, times: number): void {
  leftOut.set(reason, (leftOut.get(reason) ?? 0) + times);
}
