/** Directories that are made once and moved away whole. */
import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf, ioError, listDirectory, syncDirectory } from "./files.ts";

/** Makes a directory of ours, 0700, unless it is there; the one that it lies in must be. */
export function ensureDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if (errnoOf(thrown) !== "EEXIST") throw ioError(thrown, "make the directory", path);
  }
}

/** Makes a directory of ours, 0700, which must not be there yet. */
export function makeNewDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    throw ioError(thrown, "make the directory", path);
  }
}

/** Makes a file of ours, 0600, which must not be there yet and need not outlive this machine. */
export function makeNewFile(path: string, content: string): void {
  try {
    writeFileSync(path, content, { flag: "wx", mode: 0o600 });
  } catch (thrown) {
    throw ioError(thrown, "write", path);
  }
}

/** Whether it is a directory, and no link to one. */
export function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A path in a directory that nothing else has. */
export function freePath(directory: string, name: string): string {
  return join(directory, `${name}.${randomBytes(4).toString("hex")}`);
}

/** Gives a directory its place, durably; nothing but an empty directory may be there. */
export function place(path: string, to: string): void {
  try {
    renameSync(path, to);
  } catch (thrown) {
    throw ioError(thrown, "move", path);
  }
  syncDirectory(dirname(to));
}

/** Moves a file or directory into another directory under a name that nothing else has, and gives that name's path. */
export function moveInto(path: string, directory: string): string {
  const to = freePath(directory, basename(path));
  place(path, to);
  syncDirectory(dirname(path));
  return to;
}

/** Bytes that a file or tree occupies on disk; 0 where it does not exist. */
export function allocatedBytes(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const own = stat.blocks * 512;
  if (!stat.isDirectory()) return own;
  return listDirectory(path).reduce((sum, name) => sum + allocatedBytes(join(path, name)), own);
}
