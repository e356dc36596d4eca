/** What every root of a machine has beside its image's files: mount points, and the few files of /etc that the agent writes. */
import { type Inode, impliedDirectory } from "./inode.ts";
import type { Tree } from "./tree.ts";

const emptyFile: Inode = { ...impliedDirectory, kind: "file", mode: 0o644 };

/** Where the agent mounts: a symlink there would lead the mount elsewhere */
const mountPoints = ["workspace", "proc", "sys", "dev", "run"] as const;
/** What programs expect; a symlink to a directory does */
const expected = [
  ["tmp", 0o1777],
  ["root", 0o700],
] as const;
/** What the agent writes at its start: a symlink there may lead to what does not exist */
const etcFiles = ["resolv.conf", "machine-id", "hostname", "hosts"] as const;

/** Adds what is missing, or is of another kind; the paths that were added. */
export function addForGuest(tree: Tree, layer: number): string[] {
  tree.beginLayer(layer);
  const added: string[] = [];
  const put = (path: string, inode: Inode) => {
    const cut = path.lastIndexOf("/");
    tree.put(tree.makeDirectory(path.slice(0, Math.max(cut, 0))), path.slice(cut + 1), inode);
    added.push(path);
  };
  for (const path of mountPoints)
    if (tree.find(path)?.inode.kind !== "directory") put(path, { ...impliedDirectory, mode: 0o755 });
  for (const [path, mode] of expected) if (!isDirectory(tree, path)) put(path, { ...impliedDirectory, mode });
  if (!isDirectory(tree, "etc")) put("etc", impliedDirectory);
  for (const name of etcFiles) if (tree.find(`etc/${name}`)?.inode.kind !== "file") put(`etc/${name}`, emptyFile);
  return added;
}

/** Whether it is a directory, or a symlink to one. */
function isDirectory(tree: Tree, path: string): boolean {
  return tree.findDirectory(path) !== undefined;
}
