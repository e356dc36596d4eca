/** The tree that layers make, lowest first: each entry goes where its name leads in what is there already, and nowhere else. */
import type { Budget } from "./budget.ts";
import { type Inode, impliedDirectory, type LayerEntry } from "./inode.ts";
import { MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_SYMLINKS } from "./limits.ts";
import { badEntry } from "./problems.ts";

/** A name in the tree. Several names may have one inode. */
export interface TreeNode {
  readonly name: string;
  /** The root is its own */
  readonly parent: TreeNode | undefined;
  /** Length of its path */
  readonly path_bytes: number;
  inode: Inode;
  /** Of a directory, in the order they came */
  readonly children: Map<string, TreeNode>;
  /** Number of the last layer that set it or something below it */
  touched: number;
}

/** What a layer had that the tree cannot keep, by reason. */
export type LeftOut = Map<string, number>;

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** What AUFS kept for itself */
const WHITEOUT_META = ".wh..wh.";

/** Of what is no directory; nothing is ever put in. */
const nothing = new Map<string, TreeNode>();

export class Tree {
  readonly root: TreeNode;
  readonly leftOut: LeftOut = new Map();
  readonly #budget: Budget;
  #layer = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
    this.root = node("", undefined, impliedDirectory, 0);
  }

  /** Entries that follow belong to the layer of this number. */
  beginLayer(layer: number): void {
    this.#layer = layer;
  }

  /** Puts an entry in, or has it take out what it says. Raises `LayerProblem`. */
  apply(entry: LayerEntry): void {
    const names = namesOf(entry.name);
    const name = names.pop();
    if (name === undefined) this.#setRoot(entry);
    else if (name.startsWith(WHITEOUT)) this.#whiteOut(names, name, entry.name);
    else this.#place(this.#makeParent(names, entry.name), name, entry);
  }

  /** What has that path, its last name not followed; undefined where nothing does. */
  find(path: string): TreeNode | undefined {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) return this.root;
    return this.#walk(names, path)?.children.get(name);
  }

  /** The directory of that path, symlinks followed; undefined where there is none. */
  findDirectory(path: string): TreeNode | undefined {
    return this.#walk(namesOf(path), path);
  }

  /** The directory of that path, made where it is missing. */
  makeDirectory(path: string): TreeNode {
    return this.#makeParent(namesOf(path), path);
  }

  /** Puts something under a name of a directory, in the place of what has it. */
  put(parent: TreeNode, name: string, inode: Inode): TreeNode {
    const path_bytes = parent.path_bytes + 1 + name.length;
    if (path_bytes > MAX_PATH_BYTES || name.length > MAX_NAME_BYTES)
      throw badEntry("image_too_large", "whose path is too long", name);
    const made = node(name, parent, inode, path_bytes);
    parent.children.set(name, made);
    this.#touch(made);
    return made;
  }

  #setRoot({ name, inode, same_as }: LayerEntry): void {
    if (inode.kind !== "directory" || same_as !== undefined)
      throw badEntry("layer_invalid", "which is the root, and no directory", name);
    this.root.inode = inode;
  }

  #place(parent: TreeNode, name: string, entry: LayerEntry): void {
    const before = parent.children.get(name);
    const source = entry.same_as === undefined ? undefined : this.#linked(entry, entry.same_as);
    if (source !== undefined && source === before) return;
    const inode = source?.inode ?? entry.inode;
    const refused = reasonToLeaveOut(parent, inode);
    if (refused !== undefined) {
      this.count(refused);
      parent.children.delete(name);
    } else if (inode.kind === "directory" && before?.inode.kind === "directory") {
      before.inode = inode;
      this.#touch(before);
    } else this.put(parent, name, inode);
  }

  count(reason: string, times = 1): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + times);
  }

  #linked(entry: LayerEntry, target: string): TreeNode {
    const source = this.find(target);
    if (source === undefined) throw badEntry("layer_invalid", "a hard link to what is not there", entry.name);
    if (source.inode.kind === "directory") throw badEntry("layer_invalid", "a hard link to a directory", entry.name);
    return source;
  }

  #whiteOut(names: readonly string[], name: string, path: string): void {
    const hidden = name.slice(WHITEOUT.length);
    if (name !== OPAQUE && name.startsWith(WHITEOUT_META)) {
      this.count("AUFS' own files");
      return;
    }
    if (hidden === "" || hidden === "." || hidden === "..")
      throw badEntry("path_escape", "which takes away what is no entry", path);
    const parent = this.#walk(names, path);
    if (parent === undefined) return;
    if (name === OPAQUE) this.#clear(parent);
    else this.#remove(parent, hidden);
  }

  /** Takes out what lower layers put there; what this layer did stays. */
  #clear(directory: TreeNode): void {
    this.#budget.takeSteps(directory.children.size);
    for (const name of [...directory.children.keys()]) this.#remove(directory, name);
  }

  #remove(parent: TreeNode, name: string): void {
    const found = parent.children.get(name);
    if (found === undefined) return;
    if (found.touched !== this.#layer) parent.children.delete(name);
    else this.#clear(found);
  }

  #touch(changed: TreeNode): void {
    let at: TreeNode | undefined = changed;
    while (at !== undefined && at.touched !== this.#layer) {
      at.touched = this.#layer;
      at = at.parent;
    }
  }

  /** The directory of these names, made where it is missing, and in the place of what is none. */
  #makeParent(names: readonly string[], path: string): TreeNode {
    const found = this.#walk(names, path, (at, name) => {
      this.#budget.takeEntry();
      return this.put(at, name, impliedDirectory);
    });
    if (found === undefined) throw badEntry("layer_invalid", "whose directory cannot be made", path);
    return found;
  }

  /** Follows symlinks as a kernel does that has the tree as its root: nothing leads out of it. */
  #walk(names: readonly string[], path: string, make?: (at: TreeNode, name: string) => TreeNode): TreeNode | undefined {
    const pending = names.toReversed();
    let at = this.root;
    let symlinks = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      this.#budget.takeSteps(1);
      if (name === "" || name === ".") continue;
      const next: TreeNode | undefined = name === ".." ? (at.parent ?? at) : at.children.get(name);
      if (next?.inode.kind === "symlink") {
        symlinks += 1;
        if (symlinks > MAX_SYMLINKS) throw badEntry("layer_invalid", "whose way leads through too many symlinks", path);
        if (next.inode.target.startsWith("/")) at = this.root;
        pending.push(...next.inode.target.split("/").reverse());
      } else if (next?.inode.kind === "directory") at = next;
      else if (make === undefined) return undefined;
      else at = make(at, name);
    }
    return at;
  }
}

function node(name: string, parent: TreeNode | undefined, inode: Inode, path_bytes: number): TreeNode {
  const children = inode.kind === "directory" ? new Map<string, TreeNode>() : nothing;
  return { name, parent, path_bytes, inode, children, touched: -1 };
}

/** Names of a path, which begins at the root whether it says so or not. */
function namesOf(path: string): string[] {
  if (path.length > MAX_PATH_BYTES) throw badEntry("image_too_large", `whose path has ${path.length} bytes`, path);
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw badEntry("path_escape", 'which leads out of the image by ".."', path);
  const long = names.find((name) => name.length > MAX_NAME_BYTES);
  if (long !== undefined) throw badEntry("image_too_large", `with a name of ${long.length} bytes`, path);
  return names;
}

/** The guest mounts its own devices, and an overlay takes the device 0:0 for a file that was deleted. */
function reasonToLeaveOut(parent: TreeNode, inode: Inode): string | undefined {
  if (inode.kind !== "character" && inode.kind !== "block") return undefined;
  if (inode.kind === "character" && inode.device[0] === 0 && inode.device[1] === 0) return "overlay's whiteouts";
  for (let at: TreeNode | undefined = parent; at !== undefined; at = at.parent)
    if (at.name === "dev" && at.parent?.parent === undefined && at.parent !== undefined) return "devices below /dev";
  return undefined;
}
