/** Paths as the file system has them, links followed. */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { ioError } from "./files.ts";

/** What a path really is; undefined where there is nothing. */
export function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** A directory of ours, made with all above it where it is missing, as it really is. */
export function ensurePath(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync.native(path);
  } catch (thrown) {
    throw ioError(thrown, "make the directory", path);
  }
}

/** The nearest directory from here upwards that has a `.git`, where it belongs to the user whose this one is. */
export function rootOfCheckout(directory: string): string | undefined {
  const owner = lstatSync(directory, { throwIfNoEntry: false })?.uid;
  for (let root = directory; ; root = dirname(root)) {
    const found = lstatSync(join(root, ".git"), { throwIfNoEntry: false });
    if (found !== undefined) return found.uid === owner ? root : undefined;
    if (root === dirname(root)) return undefined;
  }
}
