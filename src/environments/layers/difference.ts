/** The layer that makes one tree of another: what is new or different, and whiteouts for what is gone. */
import { createHash } from "node:crypto";
import { chunksOf } from "../../platform/stable-read.ts";
import { type Inode, impliedDirectory } from "./inode.ts";
import type { LayerFile } from "./layer-bytes.ts";
import { mergeLayers } from "./merge.ts";
import type { Plan, PlannedFile } from "./plan.ts";
import type { TreeNode } from "./tree.ts";

const whiteout: Inode = { ...impliedDirectory, kind: "file", mode: 0 };

/** A tree that lies in one uncompressed tar. */
export type TarTree = LayerFile & { readonly compression: "none" };

/** Plans the layer that makes `full` of `base`; its contents are in `full`, as its only layer. */
export async function planDifference(base: TarTree, full: TarTree, signal: AbortSignal): Promise<Plan> {
  const [before, after] = [await mergeLayers([base], { signal }), await mergeLayers([full], { signal })];
  const difference = new Difference(new Names(base, before.root), new Names(full, after.root));
  await difference.compare(before.root, after.root, "");
  return difference.plan();
}

/** Names of each inode of a tree, and the hashes of contents. */
class Names {
  readonly #tar: TarTree;
  readonly #names = new Map<Inode, string[]>();

  constructor(tar: TarTree, root: TreeNode) {
    this.#tar = tar;
    this.#collect(root, "");
  }

  of(inode: Inode): readonly string[] {
    return this.#names.get(inode) ?? [];
  }

  async hash({ content }: Inode): Promise<string> {
    const hash = createHash("sha256").update(JSON.stringify(content?.parts ?? null));
    const { file, offset = 0 } = this.#tar;
    for await (const chunk of chunksOf(file, offset + (content?.offset ?? 0), content?.stored ?? 0)) hash.update(chunk);
    return hash.digest("hex");
  }

  #collect(node: TreeNode, path: string): void {
    for (const child of sortedChildren(node)) {
      const inner = path === "" ? child.name : `${path}/${child.name}`;
      const names = this.#names.get(child.inode) ?? [];
      if (child.inode.kind !== "directory") this.#names.set(child.inode, [...names, inner]);
      this.#collect(child, inner);
    }
  }
}

class Difference {
  readonly #before: Names;
  readonly #after: Names;
  readonly #bare = new Map<string, Inode>();
  readonly #files: PlannedFile[] = [];
  readonly #links: [string, string][] = [];
  readonly #written = new Map<Inode, string>();

  constructor(before: Names, after: Names) {
    this.#before = before;
    this.#after = after;
  }

  /** Compares two directories; `above` are the directories that lead to them, which a layer names before what is in them. */
  async compare(
    before: TreeNode,
    after: TreeNode,
    path: string,
    above: readonly [string, Inode][] = [],
  ): Promise<void> {
    for (const child of sortedChildren(before)) {
      if (after.children.has(child.name)) continue;
      this.#nameAll(above);
      this.#bare.set(joined(path, `.wh.${child.name}`), whiteout);
    }
    for (const child of sortedChildren(after)) {
      const inner = joined(path, child.name);
      const known = before.children.get(child.name);
      if (known === undefined || !(await this.#isSame(known.inode, child.inode))) {
        this.#nameAll(above);
        this.#add(inner, child.inode);
      }
      if (child.inode.kind !== "directory") continue;
      const lower = known?.inode.kind === "directory" ? known : nothing;
      await this.compare(lower, child, inner, [...above, [inner, child.inode]]);
    }
  }

  plan(): Plan {
    const files = this.#files.sort((one, other) => one.content.offset - other.content.offset);
    const entry_count = this.#bare.size + files.length + this.#links.length;
    return {
      bare: [...this.#bare],
      files: new Map([[0, files]]),
      links: this.#links,
      entry_count,
      newest: 0,
      stored_bytes: files.reduce((sum, { content }) => sum + content.stored, 0),
    };
  }

  #nameAll(directories: readonly [string, Inode][]): void {
    for (const [path, inode] of directories) this.#bare.set(path, inode);
  }

  #add(path: string, inode: Inode): void {
    const first = inode.kind === "directory" ? undefined : this.#written.get(inode);
    this.#written.set(inode, first ?? path);
    if (first !== undefined) this.#links.push([path, first]);
    else if (inode.content === undefined || inode.size === 0) this.#bare.set(path, inode);
    else this.#files.push({ path, inode, content: inode.content });
  }

  async #isSame(before: Inode, after: Inode): Promise<boolean> {
    if (shapeOf(before) !== shapeOf(after)) return false;
    if (this.#before.of(before).join("\0") !== this.#after.of(after).join("\0")) return false;
    return before.kind !== "file" || (await this.#before.hash(before)) === (await this.#after.hash(after));
  }
}

const nothing: TreeNode = {
  name: "",
  parent: undefined,
  path_bytes: 0,
  inode: impliedDirectory,
  children: new Map(),
  touched: 0,
};

const joined = (path: string, name: string) => (path === "" ? name : `${path}/${name}`);

function sortedChildren({ children }: TreeNode): TreeNode[] {
  return [...children.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** All of an inode but its content. */
function shapeOf({ content, xattrs, ...rest }: Inode): string {
  const attributes = xattrs.map(([name, value]) => [name, value.toString("hex")]).sort();
  return JSON.stringify([rest, attributes, content?.stored]);
}

/** A tree in an open tar, for `planDifference`. */
export async function tarTree(file: LayerFile["file"], signal: AbortSignal): Promise<TarTree> {
  const digest = `sha256:${await file.sha256(signal)}`;
  return { file, digest, diff_id: digest, compression: "none", size_bytes: file.size() };
}
