/** Files of ours under names that stay: opened as they are, made new, and noted by their time of change. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf, ioError, OpenFile, syncDirectory } from "./files.ts";

/** Unit of `st_blocks`, whatever the file system's own. */
const BLOCK_BYTES = 512;

/** Opens a file that must be there, never through a symlink at the end. */
export function openExisting(path: string, access: "r" | "r+"): OpenFile {
  const mode = access === "r" ? fs.constants.O_RDONLY : fs.constants.O_RDWR;
  try {
    return new OpenFile(fs.openSync(path, mode | fs.constants.O_NOFOLLOW), path);
  } catch (thrown) {
    throw ioError(thrown, "open", path);
  }
}

/** Copies an open file to a name that must be free, and makes that durable; for small files. */
export function copyToNew(file: OpenFile, path: string): void {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
  const content = file.readAll();
  try {
    const fd = fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      for (let done = 0; done < content.length; ) done += fs.writeSync(fd, content, done);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (thrown) {
    throw ioError(thrown, "write", path);
  }
  syncDirectory(dirname(path));
}

/** Sets a file's time of change to now, and makes the file where there is none. */
export function touch(path: string): void {
  try {
    fs.closeSync(fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o600));
    fs.utimesSync(path, new Date(), new Date());
  } catch (thrown) {
    throw ioError(thrown, "write", path);
  }
}

/** When a file was changed last, in milliseconds since 1970; undefined where there is none. */
export function changedAt(path: string): number | undefined {
  try {
    return fs.statSync(path).mtimeMs;
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw ioError(thrown, "examine", path);
  }
}

/** Bytes that an open file occupies on its disk. */
export function allocatedOf(file: OpenFile): number {
  return fs.fstatSync(file.fd).blocks * BLOCK_BYTES;
}

/** Adds a line to the end of a file of ours. */
export function appendLine(path: string, line: string): void {
  try {
    fs.appendFileSync(path, `${line}\n`, { mode: 0o600 });
  } catch (thrown) {
    throw ioError(thrown, "write", path);
  }
}

/** The lines of a file; none where there is no such file. */
export function readLines(path: string): string[] {
  try {
    return fs
      .readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw ioError(thrown, "read", path);
  }
}

/** Makes a file of ours, 0600 and durable, unless one of that name is there; whole from the moment it has its name, made in another directory of its file system. */
export function makeOnce(path: string, content: Uint8Array, staging: string): void {
  const temporary = join(staging, `${basename(path)}.${randomBytes(8).toString("hex")}.tmp`);
  try {
    fs.writeFileSync(temporary, content, { flag: "wx", mode: 0o600, flush: true });
    fs.linkSync(temporary, path);
  } catch (thrown) {
    if (errnoOf(thrown) !== "EEXIST") throw ioError(thrown, "write", path);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
  syncDirectory(dirname(path));
}

/** Whether an open regular file is this user's, and nobody else may read or write it. */
export function isPrivate(file: OpenFile, uid: number): boolean {
  const stat = fs.fstatSync(file.fd);
  return stat.isFile() && stat.uid === uid && (stat.mode & 0o077) === 0;
}
