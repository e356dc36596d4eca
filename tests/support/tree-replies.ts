/** What an agent says of entries of a tree, for agents that tests play. */
import type { WireStat } from "../../src/wire/tree-messages.ts";

/** A file of five bytes, changed as asked, with whatever values. */
export function stat(change: Readonly<Record<string, unknown>> = {}): unknown {
  const plain: WireStat = {
    kind: "file",
    mode: 0o644,
    size_bytes: 5,
    mtime_ns: "1790000000123456789",
    ctime_ns: "1790000000123456789",
    inode: "12",
    link_target: null,
  };
  return { ...plain, ...change };
}

/** Paths of directories, each in the one before. */
export function nested(count: number): string[] {
  return Array.from({ length: count }, (_, at) => Array.from({ length: at + 1 }, () => "d").join("/"));
}
