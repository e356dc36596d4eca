/** What an entry of a layer is, apart from its name. Text is one character per byte, so that every name is kept as it is. */

export type InodeKind = "file" | "directory" | "symlink" | "fifo" | "character" | "block";

/** A part of a file that is not a hole: where it belongs, and its length. */
export type SparsePart = readonly [offset: number, length: number];

/** Where a file's content lies in its uncompressed layer. */
export interface Content {
  readonly layer: number;
  readonly offset: number;
  /** Bytes that lie there */
  readonly stored: number;
  /** What they are parts of, in order; undefined where they are the whole */
  readonly parts: readonly SparsePart[] | undefined;
}

export interface Inode {
  readonly kind: InodeKind;
  /** Permission bits with setuid, setgid and sticky */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, 0 to 2^32-1 as squashfs has them */
  readonly mtime: number;
  /** Of a file, holes included */
  readonly size: number;
  /** Of a symlink */
  readonly target: string;
  readonly device: readonly [major: number, minor: number];
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
  readonly content: Content | undefined;
}

/** One entry of a layer. */
export interface LayerEntry {
  readonly name: string;
  /** Name of the entry that it is another name of; undefined where it is one of its own */
  readonly same_as: string | undefined;
  readonly inode: Inode;
}

/** A directory that nothing describes. */
export const impliedDirectory: Inode = {
  kind: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  target: "",
  device: [0, 0],
  xattrs: [],
  content: undefined,
};
