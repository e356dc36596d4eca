/** Directories that are made once and moved away whole. */
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ioError } from "./files.ts";

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

/** Moves a file or directory into another directory under a name that nothing else has, and gives that name's path. */
export function moveInto(path: string, directory: string): string {
  const to = join(directory, `${basename(path)}.${randomBytes(4).toString("hex")}`);
  try {
    renameSync(path, to);
  } catch (thrown) {
    throw ioError(thrown, "move", path);
  }
  return to;
}
