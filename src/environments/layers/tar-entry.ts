/** Puts a header and what was said of it together to an entry. */
import { type Inode, type InodeKind, impliedDirectory, type LayerEntry } from "./inode.ts";
import { MAX_TARGET_BYTES } from "./limits.ts";
import { badEntry, invalid } from "./problems.ts";
import type { Block } from "./tar-block.ts";
import { decimal, type Pax, type Said, seconds } from "./tar-pax.ts";

const MAX_ID = 0xffff_ffff;
const MAX_TIME = 0xffff_ffff;
const PERMISSIONS = 0o7777;

const kinds: Readonly<Record<string, InodeKind | "link">> = {
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

/** Kind of what a header describes; undefined where it is none that a root file system has. */
export function kindOf({ type }: Block): InodeKind | "link" | undefined {
  return kinds[type];
}

/** The entry; a file's content lies where the reader then is, as long as the sizes say. */
export function entryOf(block: Block, said: Said, offset: number): LayerEntry {
  const values = said.pax?.values ?? new Map<string, string>();
  const name = values.get("GNU.sparse.name") ?? values.get("path") ?? said.name ?? block.name;
  const link = values.get("linkpath") ?? said.link ?? block.link;
  const kind = kindOf(block);
  if (kind === undefined) throw badEntry("layer_invalid", `of the unknown type ${JSON.stringify(block.type)}`, name);
  if (name.includes("\0") || link.includes("\0")) throw invalid("has a name with a NUL byte", offset);
  if (kind === "link") return { name, same_as: link, inode: impliedDirectory };
  // Archives from before POSIX mark a directory by a slash.
  const actual = kind === "file" && block.type !== "S" && name.endsWith("/") ? "directory" : kind;
  if (actual === "symlink" && (link === "" || link.length > MAX_TARGET_BYTES))
    throw badEntry("layer_invalid", `a symlink with a target of ${link.length} bytes`, name);
  return {
    name,
    same_as: undefined,
    inode: inodeOf(actual, block, { values, link, xattrs: said.pax?.xattrs }, offset),
  };
}

interface Told {
  readonly values: ReadonlyMap<string, string>;
  readonly link: string;
  readonly xattrs: Pax["xattrs"] | undefined;
}

function inodeOf(kind: InodeKind, block: Block, { values, link, xattrs }: Told, offset: number): Inode {
  const size = sizeOf(block, values, offset);
  const time = values.get("mtime");
  const isDevice = kind === "character" || kind === "block";
  return {
    kind,
    mode: block.mode & PERMISSIONS,
    uid: idOf(block.uid, values.get("uid"), offset),
    gid: idOf(block.gid, values.get("gid"), offset),
    mtime: Math.min(Math.max(time === undefined ? block.mtime : seconds(time, offset), 0), MAX_TIME),
    size: kind === "file" ? size : 0,
    target: kind === "symlink" ? link : "",
    device: isDevice ? block.device : [0, 0],
    xattrs: xattrs ?? [],
    content: kind === "file" ? { layer: 0, offset: 0, stored: size, parts: undefined } : undefined,
  };
}

function sizeOf(block: Block, values: ReadonlyMap<string, string>, offset: number): number {
  const told = values.get("size");
  const size = told === undefined ? block.size : decimal(told, "pax size", offset);
  if (size < 0) throw invalid("has an entry of negative size", offset);
  return size;
}

function idOf(stated: number, told: string | undefined, offset: number): number {
  const id = told === undefined ? stated : decimal(told, "owner", offset);
  if (id < 0 || id > MAX_ID) throw invalid("has an entry of an impossible owner", offset);
  return id;
}
