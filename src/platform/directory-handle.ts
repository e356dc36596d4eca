/** An open directory, and what is done to the names in it: never through a path, never through a symlink. */
import * as fs from "node:fs";
import { OpenFile } from "./files.ts";

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = fs.constants;
const SLASH = 0x2f;

/** What a name stands for, as far as a tree of files can hold it. */
export type NodeType = "file" | "directory" | "symlink" | "fifo" | "socket" | "device";

/** What is said of a name without opening it. */
export interface NodeState {
  readonly type: NodeType;
  /** Permission bits, 0 to 0o7777 */
  readonly mode: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly uid: bigint;
}

/**
 * A directory by its descriptor. Names in it are bytes; each method acts on `/proc/self/fd/N/name`, which the kernel takes as `openat` does.
 * Failures are node's own errors, with their errno.
 */
export class DirectoryHandle {
  readonly fd: number;
  /** Where it was, for messages. */
  readonly path: string;

  private constructor(fd: number, path: string) {
    this.fd = fd;
    this.path = path;
  }

  /** Opens what a person named, symlinks and all. */
  static open(path: string): DirectoryHandle {
    return new DirectoryHandle(fs.openSync(path, O_RDONLY | O_DIRECTORY), path);
  }

  /** The path without symlinks. */
  realPath(): string {
    return fs.readlinkSync(`/proc/self/fd/${this.fd}`);
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  /** Names in it, in no order. */
  names(): Buffer[] {
    return fs.readdirSync(`/proc/self/fd/${this.fd}`, { encoding: "buffer" });
  }

  /** What a name stands for; undefined where it is free. */
  stateOf(name: Uint8Array): NodeState | undefined {
    const stat = fs.lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? undefined : nodeState(stat);
  }

  /** What this directory itself is. */
  state(): NodeState {
    return nodeState(fs.fstatSync(this.fd, { bigint: true }));
  }

  openDirectory(name: Uint8Array): DirectoryHandle {
    const fd = fs.openSync(this.#at(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    return new DirectoryHandle(fd, `${this.path}/${Buffer.from(name).toString("utf8")}`);
  }

  /** Opens for reading without waiting for whoever is at the other end of a FIFO; the caller looks at what it got. */
  openFile(name: Uint8Array): OpenFile {
    const fd = fs.openSync(this.#at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    return new OpenFile(fd, `${this.path}/${Buffer.from(name).toString("utf8")}`);
  }

  linkTargetOf(name: Uint8Array): Buffer {
    return fs.readlinkSync(this.#at(name), { encoding: "buffer" });
  }

  /** Makes a directory under a free name; the umask takes from `mode`. */
  makeDirectory(name: Uint8Array, mode: number): void {
    fs.mkdirSync(this.#at(name), { mode });
  }

  /** Makes an empty file under a free name; the umask takes from `mode`. */
  makeFile(name: Uint8Array, mode: number): OpenFile {
    const fd = fs.openSync(this.#at(name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    return new OpenFile(fd, `${this.path}/${Buffer.from(name).toString("utf8")}`);
  }

  /** Makes a symlink under a free name. */
  makeSymlink(name: Uint8Array, target: Uint8Array): void {
    fs.symlinkSync(Buffer.from(target), this.#at(name));
  }

  /** Gives what is here another name, there; what has that name is replaced where the kernel permits it. */
  rename(name: Uint8Array, there: DirectoryHandle, newName: Uint8Array): void {
    fs.renameSync(this.#at(name), there.#at(newName));
  }

  /** Gives a file a second name, there, which must be free. */
  link(name: Uint8Array, there: DirectoryHandle, newName: Uint8Array): void {
    fs.linkSync(this.#at(name), there.#at(newName));
  }

  /** Removes a file or a tree, never following a symlink; nothing happens where the name is free. */
  remove(name: Uint8Array): void {
    const state = this.stateOf(name);
    if (state === undefined) return;
    if (state.type === "directory") this.#removeDirectory(name);
    else fs.unlinkSync(this.#at(name));
  }

  #removeDirectory(name: Uint8Array): void {
    const inner = this.openDirectory(name);
    try {
      for (const child of inner.names()) inner.remove(child);
    } finally {
      inner.close();
    }
    fs.rmdirSync(this.#at(name));
  }

  /** Makes what was done to the names durable. */
  sync(): void {
    fs.fsyncSync(this.fd);
  }

  #at(name: Uint8Array): Buffer {
    const special = name.length === 0 || name.includes(0) || name.includes(SLASH);
    if (special || [".", ".."].includes(Buffer.from(name).toString("latin1")))
      throw new Error("not the name of a directory's entry");
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.fd}/`), name]);
  }
}

function nodeState(stat: fs.BigIntStats): NodeState {
  return { type: typeOf(stat), mode: Number(stat.mode) & 0o7777, dev: stat.dev, ino: stat.ino, uid: stat.uid };
}

function typeOf(stat: fs.BigIntStats): NodeType {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  return stat.isSocket() ? "socket" : "device";
}

/** Opens for reading what a person named, symlinks and all, without waiting for the other end of a FIFO. */
export function openNamed(path: string): OpenFile {
  return new OpenFile(fs.openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY), path);
}
