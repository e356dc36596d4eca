/** A private directory beside a path to write to: what is made in it appears under that path in one step, or not at all. */
import { randomBytes } from "node:crypto";
import { basename, dirname, resolve } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { encodePath, showPath } from "../contract/path-bytes.ts";
import { DirectoryHandle, type NodeState } from "./directory-handle.ts";
import { errnoOf, ioError } from "./files.ts";
import { tryLock } from "./lock.ts";

const stagingName = /^\.pyro-export-[0-9a-f]{16}$/;
/** What is being made */
const MADE = Buffer.from("made");
/** Holds what was at the destination, under its own name, while the two change places */
const REPLACED = Buffer.from("replaced");

const refusedErrnos: readonly string[] = ["ENOENT", "ENOTDIR", "EACCES", "EPERM", "EROFS"];
const takenErrnos: readonly string[] = ["EEXIST", "ENOTEMPTY", "ENOTDIR", "EISDIR"];

/** A failure to write below `path` as a typed error. */
export function outputError(thrown: unknown, path: string): PyroError {
  if (thrown instanceof PyroError || !refusedErrnos.includes(errnoOf(thrown) ?? ""))
    return ioError(thrown, "write", path);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PyroError("output_not_writable", `cannot write ${showPath(path)}: ${reason}`, {
    details: { path, errno: errnoOf(thrown) },
    cause: thrown,
  });
}

function taken(path: string): PyroError {
  return new PyroError("output_exists", `${showPath(path)} exists`, { details: { path } });
}

/** Where something is made before it gets its name. */
export class Staging {
  /** Absolute path that it is made for */
  readonly destination: string;
  /** Holds what is made, under `made` */
  readonly directory: DirectoryHandle;
  /** Name to make it under */
  readonly made = MADE;
  readonly #parent: DirectoryHandle;
  readonly #name: Buffer;

  private constructor(destination: string, parent: DirectoryHandle, directory: DirectoryHandle, name: Buffer) {
    this.destination = destination;
    this.directory = directory;
    this.#parent = parent;
    this.#name = name;
  }

  /** Makes the directory, and removes those beside it whose process has ended. The path must be free, unless it is to be replaced. */
  static async open(path: string, force: boolean): Promise<Staging> {
    const destination = resolve(path);
    if (basename(destination) === "") throw taken(destination);
    const parent = openParent(destination);
    try {
      await clearStale(parent);
      if (!force && parent.stateOf(nameOf(destination)) !== undefined) throw taken(destination);
      const { name, directory } = await makeLocked(parent);
      return new Staging(destination, parent, directory, name);
    } catch (thrown) {
      parent.close();
      throw outputError(thrown, destination);
    }
  }

  /** Gives what was made its name, durably, and removes what it replaces. */
  publish(force: boolean): void {
    const { directory, destination } = this;
    const name = nameOf(destination);
    try {
      const there = this.#parent.stateOf(name);
      if (there === undefined) this.#place(name);
      else if (!force) throw taken(destination);
      else if (there.type !== "directory" && directory.stateOf(MADE)?.type === "file")
        directory.rename(MADE, this.#parent, name);
      else this.#exchange(name);
      this.#parent.sync();
    } catch (thrown) {
      throw outputError(thrown, destination);
    }
  }

  /** Removes the directory with all that is still in it. */
  close(): void {
    try {
      this.#parent.remove(this.#name);
    } catch (thrown) {
      // What a user may not delete is tried again by the next one beside it.
      if (errnoOf(thrown) === undefined) throw thrown;
    } finally {
      this.directory.close();
      this.#parent.close();
    }
  }

  /** A free name is taken in a way that fails where it is free no longer. */
  #place(name: Buffer): void {
    try {
      if (this.directory.stateOf(MADE)?.type !== "file" || !this.#linked(name))
        this.directory.rename(MADE, this.#parent, name);
    } catch (thrown) {
      throw takenErrnos.includes(errnoOf(thrown) ?? "") ? taken(this.destination) : thrown;
    }
  }

  /** False where the file system has no links; a rename is then the best there is. */
  #linked(name: Buffer): boolean {
    try {
      this.directory.link(MADE, this.#parent, name);
      return true;
    } catch (thrown) {
      if (!["EPERM", "EOPNOTSUPP"].includes(errnoOf(thrown) ?? "")) throw thrown;
      return false;
    }
  }

  #exchange(name: Buffer): void {
    this.directory.makeDirectory(REPLACED, 0o700);
    const replaced = this.directory.openDirectory(REPLACED);
    try {
      this.#parent.rename(name, replaced, name);
      try {
        this.#place(name);
      } catch (thrown) {
        replaced.rename(name, this.#parent, name);
        throw thrown;
      }
    } finally {
      replaced.close();
    }
  }
}

const nameOf = (destination: string): Buffer => encodePath(basename(destination));

function openParent(destination: string): DirectoryHandle {
  try {
    return DirectoryHandle.open(dirname(destination));
  } catch (thrown) {
    throw outputError(thrown, destination);
  }
}

async function makeLocked(parent: DirectoryHandle): Promise<{ name: Buffer; directory: DirectoryHandle }> {
  for (;;) {
    const name = Buffer.from(`.pyro-export-${randomBytes(8).toString("hex")}`);
    parent.makeDirectory(name, 0o700);
    const directory = parent.openDirectory(name);
    // Before it was locked, somebody else may have taken it for stale.
    if ((await tryLock(directory.fd, directory.path)) && isSame(parent.stateOf(name), directory.state()))
      return { name, directory };
    directory.close();
  }
}

function isSame(one: NodeState | undefined, other: NodeState): boolean {
  return one?.ino === other.ino && one.dev === other.dev;
}

async function clearStale(parent: DirectoryHandle): Promise<void> {
  for (const name of parent.names().filter((each) => stagingName.test(each.toString("latin1")))) {
    const state = parent.stateOf(name);
    if (state?.type === "directory" && state.uid === BigInt(process.getuid?.() ?? 0)) await clear(parent, name);
  }
}

/** Removes one whose process has ended; what that process had taken away and not yet replaced is put back. */
async function clear(parent: DirectoryHandle, name: Buffer): Promise<void> {
  let directory: DirectoryHandle | undefined;
  try {
    directory = parent.openDirectory(name);
    if (!(await tryLock(directory.fd, directory.path))) return;
    putBack(parent, directory);
    parent.remove(name);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
  } finally {
    directory?.close();
  }
}

function putBack(parent: DirectoryHandle, stale: DirectoryHandle): void {
  if (stale.stateOf(REPLACED)?.type !== "directory") return;
  const replaced = stale.openDirectory(REPLACED);
  try {
    for (const name of replaced.names()) {
      if (parent.stateOf(name) === undefined) replaced.rename(name, parent, name);
    }
  } finally {
    replaced.close();
  }
}
