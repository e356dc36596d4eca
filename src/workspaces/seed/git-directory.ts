/** Finds the Git directory of a checkout and reads its commit from it, running nothing. */
import { dirname, isAbsolute, join } from "node:path";
import { DirectoryHandle } from "../../platform/directory-handle.ts";
import { errnoOf } from "../../platform/files.ts";

const SMALL_BYTES = 4_096;
const MAX_PACKED_REFS_BYTES = 64 * 1_048_576;
const MAX_CONFIG_BYTES = 1_048_576;
const COMMIT = /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/;

/** Where Git keeps what it knows of one work tree. */
export interface GitDirectory {
  readonly path: string;
  /** The part that several work trees share; the same path where there is one */
  readonly common: string;
}

/** A work tree and the Git directory that belongs to it. */
export interface Checkout {
  readonly root: string;
  readonly git: GitDirectory;
}

/** The checkout that a directory is the root of or lies in; one further up counts only where both belong to the same user. */
export function findCheckout(directory: string): Checkout | undefined {
  const checkout = nearestCheckout(directory);
  if (checkout === undefined || checkout.root === directory) return checkout;
  return ownerOf(checkout.git.path) === ownerOf(directory) ? checkout : undefined;
}

/** The first checkout on the way from a directory up, whoever's it is. */
export function nearestCheckout(directory: string, levels = Number.POSITIVE_INFINITY): Checkout | undefined {
  if (directory.split("/").includes(".git")) return undefined;
  for (let [root, level] = [directory, 0]; level < levels; [root, level] = [dirname(root), level + 1]) {
    const git = gitDirectoryOf(root);
    if (git !== undefined) return { root, git };
    if (root === dirname(root)) return undefined;
  }
  return undefined;
}

/** The user that a directory belongs to; undefined where it cannot be opened. */
export function ownerOf(directory: string): bigint | undefined {
  return within(directory, (handle) => handle.state().uid);
}

/** The Git directory of a work tree's root: its `.git`, or what a `.git` file points to. */
function gitDirectoryOf(root: string): GitDirectory | undefined {
  const path = within(root, (handle) => {
    const type = handle.stateOf(Buffer.from(".git"))?.type;
    if (type !== "file") return type === undefined ? undefined : join(root, ".git");
    const target = /^gitdir: (.+?)\n?$/.exec(readSmall(handle, ".git") ?? "")?.[1];
    return target === undefined ? undefined : absolute(target, root);
  });
  if (path === undefined) return undefined;
  return within(path, (handle) => {
    if (handle.stateOf(Buffer.from("HEAD")) === undefined) return undefined;
    const common = readSmall(handle, "commondir")?.trim();
    return { path, common: common === undefined ? path : absolute(common, path) };
  });
}

/** The same for a directory of a checkout; undefined where a symlink leads to it. */
export function nestedGitDirectory(root: string): GitDirectory | undefined {
  return within(root, (handle) => handle.realPath()) === root ? gitDirectoryOf(root) : undefined;
}

/** The commit that is checked out; null where there is none yet or Git stores it in a way that only Git can read. */
export function commitOf({ path, common }: GitDirectory): string | null {
  const head = within(path, (handle) => readSmall(handle, "HEAD"))?.trim() ?? "";
  if (COMMIT.test(head)) return head;
  const ref = /^ref: (refs\/\S+)$/.exec(head)?.[1];
  if (ref === undefined || ref.split("/").some((name) => ["", ".", ".."].includes(name))) return null;
  const loose = readRef(path, ref) ?? readRef(common, ref) ?? packedRef(common, ref) ?? "";
  return COMMIT.test(loose) ? loose : null;
}

/** The hash that names the checkout's objects. */
export function objectFormatOf({ common }: GitDirectory): "sha1" | "sha256" {
  const config = within(common, (handle) => readSmall(handle, "config", MAX_CONFIG_BYTES)) ?? "";
  return /^\s*objectformat\s*=\s*"?sha256/im.test(config) ? "sha256" : "sha1";
}

/** Whether there is a regular file of that name. */
export function hasFile(directory: string, name: string): boolean {
  return within(directory, (handle) => handle.stateOf(Buffer.from(name))?.type === "file") ?? false;
}

function readRef(directory: string, ref: string): string | undefined {
  const cut = ref.lastIndexOf("/");
  return within(join(directory, ref.slice(0, cut)), (handle) => readSmall(handle, ref.slice(cut + 1)))?.trim();
}

function packedRef(common: string, ref: string): string | undefined {
  const packed = within(common, (handle) => readSmall(handle, "packed-refs", MAX_PACKED_REFS_BYTES)) ?? "";
  const line = packed.split("\n").find((each) => each.endsWith(` ${ref}`));
  return line?.split(" ")[0];
}

const absolute = (target: string, from: string) => (isAbsolute(target) ? target : join(from, target));

/** What `action` finds in a directory; undefined where the directory cannot be opened. */
function within<T>(directory: string, action: (handle: DirectoryHandle) => T): T | undefined {
  let handle: DirectoryHandle;
  try {
    handle = DirectoryHandle.open(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
  try {
    return action(handle);
  } finally {
    handle.close();
  }
}

/** A small regular file's text; undefined where there is none, or a larger one. */
function readSmall(handle: DirectoryHandle, name: string, max = SMALL_BYTES): string | undefined {
  if (handle.stateOf(Buffer.from(name))?.type !== "file") return undefined;
  try {
    const file = handle.openFile(Buffer.from(name));
    try {
      return file.mode() === undefined || file.size() > max ? undefined : file.readAll().toString("utf8");
    } finally {
      file.close();
    }
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}
