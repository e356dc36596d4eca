/** Files that outlive this process but need not outlive a power cut: nothing here waits for the disk. */
import * as fs from "node:fs";
import { ioError, OpenFile } from "./files.ts";

const temporaryEnding = ".tmp";

/** Whether a name is that of a replacement whose process ended before it took its place. */
export function isUnfinished(name: string): boolean {
  return name.endsWith(temporaryEnding);
}

/** Replaces a file so that a reader sees the old content or the new, unless the power fails. Only one process may do so at a time. */
export function replaceFile(path: string, content: string): void {
  const temporary = `${path}${temporaryEnding}`;
  try {
    fs.writeFileSync(temporary, content, { mode: 0o600 });
    fs.renameSync(temporary, path);
  } catch (thrown) {
    fs.rmSync(temporary, { force: true });
    throw ioError(thrown, "write", path);
  }
}

/** A file that only grows. */
export class GrowingFile {
  readonly #file: OpenFile;
  #size = 0;

  /** Makes the file, which must not be there yet. */
  constructor(path: string) {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = fs.constants;
    try {
      this.#file = new OpenFile(fs.openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND, 0o600), path);
    } catch (thrown) {
      throw ioError(thrown, "make", path);
    }
  }

  /** Adds all of `bytes`; where that fails, as far as the disk permits, none. */
  append(bytes: Uint8Array): void {
    try {
      this.#file.write(bytes);
      this.#size += bytes.length;
    } catch (thrown) {
      try {
        this.#file.truncate(this.#size);
      } catch {
        // What is left of it is known by its length.
      }
      throw thrown;
    }
  }

  close(): void {
    try {
      this.#file.close();
    } catch {
      // The descriptor is gone all the same; what was not written was never promised.
    }
  }
}

/** The whole content of a small file, and nothing where it is gone. */
export function contentOf(path: string): Buffer {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  } catch {
    return Buffer.alloc(0);
  }
  try {
    return fs.readFileSync(fd);
  } catch (thrown) {
    throw ioError(thrown, "read", path);
  } finally {
    fs.closeSync(fd);
  }
}
