/** Files on the host: private directories, atomic replacement, nameless files, records, and errno as typed errors. */
import { createHash, randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { ZodType } from "zod";
import { type ErrorCode, PyroError } from "../contract/errors.ts";
import type { FileStamp } from "./file-stamp.ts";
import { findProgram, runProgram } from "./programs.ts";

/** `O_TMPFILE` of x86_64 Linux, which node does not export; it includes `O_DIRECTORY`. */
const O_TMPFILE = 0o20200000;
const HASH_CHUNK_BYTES = 1_048_576;
/** Largest record that is read, in bytes. */
const MAX_RECORD_BYTES = 16 * 1_048_576;

const codeOfErrno: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: "host_disk_full",
  EDQUOT: "host_disk_full",
  EACCES: "cache_not_writable",
  EROFS: "cache_not_writable",
  EPERM: "cache_not_writable",
};

const codeOfText: readonly (readonly [RegExp, ErrorCode])[] = [
  [/No space left on device|Disk quota exceeded/i, "host_disk_full"],
  [/Permission denied|Read-only file system|Operation not permitted/i, "cache_not_writable"],
];

/** The errno name of something thrown, such as `ENOENT`. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}

/** A failed file operation as a typed error that names the path. */
export function ioError(thrown: unknown, doing: string, path: string): PyroError {
  if (thrown instanceof PyroError) return thrown;
  const errno = errnoOf(thrown) ?? "";
  const code = codeOfErrno[errno] ?? "host_io_failed";
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PyroError(code, `cannot ${doing} "${path}": ${reason}`, { details: { path, errno }, cause: thrown });
}

/** The same, from what a program printed. */
export function ioErrorFromText(text: string, doing: string, path: string): PyroError {
  const code = codeOfText.find(([pattern]) => pattern.test(text))?.[1] ?? "host_io_failed";
  return new PyroError(code, `cannot ${doing} "${path}": ${text.trim()}`, { details: { path } });
}

function attempt<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (thrown) {
    throw ioError(thrown, doing, path);
  }
}

/** An open file: a descriptor that stays valid whatever happens to its name. */
export class OpenFile {
  readonly fd: number;
  /** Where it was opened, or the directory it was made in when it has no name. */
  readonly path: string;
  /** It has no name yet and can be given one. */
  readonly linkable: boolean;

  constructor(fd: number, path: string, linkable = false) {
    this.fd = fd;
    this.path = path;
    this.linkable = linkable;
  }

  close(): void {
    fs.closeSync(this.fd);
  }

  size(): number {
    return attempt("read the size of", this.path, () => fs.fstatSync(this.fd).size);
  }

  /** Permission bits of a regular file; undefined for anything else. */
  mode(): number | undefined {
    const stat = attempt("examine", this.path, () => fs.fstatSync(this.fd));
    return stat.isFile() ? stat.mode & 0o7777 : undefined;
  }

  stamp(): FileStamp {
    const stat = attempt("read the state of", this.path, () => fs.fstatSync(this.fd, { bigint: true }));
    return {
      dev: String(stat.dev),
      ino: String(stat.ino),
      size: String(stat.size),
      mtime_ns: String(stat.mtimeNs),
      ctime_ns: String(stat.ctimeNs),
    };
  }

  /** Writes all of it at the current end. */
  write(bytes: Uint8Array): void {
    attempt("write", this.path, () => {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.fd, bytes, done);
    });
  }

  /** Makes a sparse file of that many bytes. */
  truncate(size: number): void {
    attempt("resize", this.path, () => fs.ftruncateSync(this.fd, size));
  }

  chmod(mode: number): void {
    attempt("change the mode of", this.path, () => fs.fchmodSync(this.fd, mode));
  }

  /** The whole content; for small files. */
  readAll(): Buffer {
    const buffer = Buffer.alloc(this.size());
    attempt("read", this.path, () => {
      for (let done = 0; done < buffer.length; ) {
        const count = fs.readSync(this.fd, buffer, done, buffer.length - done, done);
        if (count === 0) throw new Error("the file became shorter while it was read");
        done += count;
      }
    });
    return buffer;
  }

  /** Hex SHA-256 of the whole content, read from its beginning. */
  async sha256(signal?: AbortSignal): Promise<string> {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(HASH_CHUNK_BYTES);
    for (let at = 0; ; ) {
      if (signal?.aborted) throw new PyroError("cancelled", `cancelled while checking "${this.path}"`);
      const count = await this.read(buffer, at);
      if (count === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, count));
      at += count;
    }
  }

  /** Reads into `buffer` what begins at byte `at`; gives how many bytes there were, 0 at the end. */
  read(buffer: Buffer, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.fd, buffer, 0, buffer.length, at, (error, count) => {
        if (error === null) resolve(count);
        else reject(ioError(error, "read", this.path));
      });
    });
  }
}

/** Opens for reading, never through a symlink at the end nor waiting for a writer; undefined where there is no such file. */
export function openReadOnly(path: string): OpenFile | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  try {
    return new OpenFile(fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw ioError(thrown, "open", path);
  }
}

/** Makes an open file without a name: whatever ends this process, nothing is left of it. */
export function namelessFile(directory: string): OpenFile {
  try {
    return new OpenFile(fs.openSync(directory, O_TMPFILE | fs.constants.O_RDWR, 0o600), directory, true);
  } catch (thrown) {
    if (!["EOPNOTSUPP", "EISDIR", "EINVAL"].includes(errnoOf(thrown) ?? ""))
      throw ioError(thrown, "make a file in", directory);
  }
  return attempt("make a file in", directory, () => {
    const path = temporaryName(join(directory, "nameless"));
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
    const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    fs.unlinkSync(path);
    return new OpenFile(fd, directory);
  });
}

/** Gives a nameless file its name in one step and makes that durable; the name must be free. */
export async function linkNameless(file: OpenFile, destination: string): Promise<void> {
  attempt("write", destination, () => fs.fsyncSync(file.fd));
  if (file.linkable) {
    const args = ["-L", "-T", "/proc/self/fd/3", destination];
    const { exit_code, stderr } = await runProgram(findProgram("ln"), args, { fds: [file.fd] });
    if (exit_code !== 0) throw ioErrorFromText(stderr, "write", destination);
  } else {
    // A file system without O_TMPFILE cannot link a nameless file: copy it under a temporary name.
    attempt("write", destination, () => copyByName(file.fd, destination));
  }
  syncDirectory(dirname(destination));
}

function copyByName(fd: number, destination: string): void {
  const temporary = temporaryName(destination);
  try {
    fs.copyFileSync(`/proc/self/fd/${fd}`, temporary, fs.constants.COPYFILE_EXCL);
    fs.renameSync(temporary, destination);
  } catch (thrown) {
    fs.rmSync(temporary, { force: true });
    throw thrown;
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(8).toString("hex")}.tmp`;
}

/** Makes the names in a directory durable. */
export function syncDirectory(path: string): void {
  attempt("sync", path, () => {
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Replaces a file so that a reader sees the old content or the new, also after a power cut. */
export function atomicWrite(path: string, content: string | Uint8Array): void {
  const temporary = temporaryName(path);
  attempt("write", path, () => {
    try {
      fs.writeFileSync(temporary, content, { flag: "wx", mode: 0o600, flush: true });
      fs.renameSync(temporary, path);
    } catch (thrown) {
      fs.rmSync(temporary, { force: true });
      throw thrown;
    }
  });
  syncDirectory(dirname(path));
}

/** A record read from disk: absent, whole, or damaged with the reason. */
export type ReadRecord<T> =
  | { readonly state: "absent" }
  | { readonly state: "whole"; readonly value: T }
  | { readonly state: "damaged"; readonly reason: string };

/** Reads a JSON file through its schema; a file that cannot be parsed is damaged, not an exception. */
export function readJson<T>(path: string, schema: ZodType<T>): ReadRecord<T> {
  const file = openReadOnly(path);
  if (file === undefined) return { state: "absent" };
  try {
    if (file.mode() === undefined) return { state: "damaged", reason: "it is no regular file" };
    if (file.size() > MAX_RECORD_BYTES) return { state: "damaged", reason: `it has ${file.size()} bytes` };
    const parsed = schema.safeParse(JSON.parse(file.readAll().toString("utf8")));
    if (parsed.success) return { state: "whole", value: parsed.data };
    return { state: "damaged", reason: parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`).join("; ") };
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return { state: "damaged", reason: `not JSON: ${thrown.message}` };
    throw thrown;
  } finally {
    file.close();
  }
}

/** Makes a directory of ours, 0700, unless it is there; refuses one that others could have prepared. */
export function makePrivateDirectory(path: string, uid: number): void {
  attempt("make the directory", path, () => {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    try {
      fs.mkdirSync(path, { mode: 0o700 });
    } catch (thrown) {
      if (errnoOf(thrown) !== "EEXIST") throw thrown;
    }
  });
  checkPrivateDirectory(path, uid);
}

/** Refuses a directory of ours that is a symlink, belongs to somebody else or is writable by others; false if absent. */
export function checkPrivateDirectory(path: string, uid: number): boolean {
  const stat = attempt("examine", path, () => fs.lstatSync(path, { throwIfNoEntry: false }));
  if (stat === undefined) return false;
  let problem: string | undefined;
  if (!stat.isDirectory()) problem = "is not a directory";
  else if (stat.uid !== uid) problem = `belongs to user ${stat.uid}`;
  else if ((stat.mode & 0o022) !== 0) problem = "is writable by others";
  if (problem === undefined) return true;
  throw new PyroError("state_dir_unsafe", `"${path}" ${problem}`, { details: { path, problem } });
}

/** Names in a directory, sorted; none where it does not exist. */
export function listDirectory(path: string): string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw ioError(thrown, "list", path);
  }
}

/** Removes a file or a tree, never following a symlink; nothing happens where it does not exist. */
export function remove(path: string): void {
  attempt("remove", path, () => fs.rmSync(path, { recursive: true, force: true }));
}
