/** Trees of files as every part of pyro speaks of them: seeds, pushes, listings, diffs, exports. */

export type EntryKind = "file" | "directory" | "symlink";

/**
 * One entry of a tree. `path` is relative to the tree's root, with `/` between names, and never empty, absolute, or with `.` or `..` in it.
 * A byte that is not UTF-8 stands as a lone surrogate, U+DC80 to U+DCFF, as in Python's `surrogateescape`; so does one in `link_target`.
 */
export interface TreeEntry {
  readonly path: string;
  readonly kind: EntryKind;
  /** Permission bits, 0 to 0o7777 */
  readonly mode: number;
  /** Length of a file's content; 0 for the others */
  readonly size_bytes: number;
  /** Where a symlink points, as it is stored; null for the others */
  readonly link_target: string | null;
}

/** An entry that can be read. */
export interface SourceEntry extends TreeEntry {
  /** Content of a file, exactly `size_bytes` of it; nothing for the others. Read at most once, and before the next entry is asked for. */
  content(): AsyncIterable<Uint8Array>;
}
