/** A file that grows while it is downloaded, is gone on with by a later process, and gets its name when it is whole. */
import * as fs from "node:fs";
import { dirname } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { ioError, OpenFile, syncDirectory } from "./files.ts";

/** What has come of a download so far; only one process may have it open at a time. */
export class DownloadFile {
  readonly #file: OpenFile;
  #size: number;

  /** Opens what a former process left, or makes an empty file. */
  constructor(path: string) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW, O_APPEND } = fs.constants;
    try {
      this.#file = new OpenFile(fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_APPEND, 0o600), path);
    } catch (thrown) {
      throw ioError(thrown, "open", path);
    }
    this.#size = this.#file.size();
  }

  get size(): number {
    return this.#size;
  }

  /** Hands on everything that is there, in order. */
  async each(take: (bytes: Buffer) => void, signal: AbortSignal): Promise<void> {
    const buffer = Buffer.allocUnsafe(1_048_576);
    for (let at = 0; at < this.#size; ) {
      if (signal.aborted) throw new PyroError("cancelled", `cancelled while "${this.#file.path}" was read`);
      const count = await this.#file.read(buffer, at);
      if (count === 0) throw ioError(new Error("the file became shorter"), "read", this.#file.path);
      take(buffer.subarray(0, count));
      at += count;
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const count = await this.#write(bytes.subarray(done));
      done += count;
      this.#size += count;
    }
  }

  #write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#file.fd, bytes, 0, bytes.length, null, (error, count) => {
        if (error === null) resolve(count);
        else reject(ioError(error, "write", this.#file.path));
      });
    });
  }

  /** Throws away what is there. */
  restart(): void {
    this.#file.truncate(0);
    this.#size = 0;
  }

  /** Gives the whole file its name, read-only and durable. */
  async publish(path: string): Promise<void> {
    this.#file.chmod(0o400);
    try {
      await new Promise<void>((resolve, reject) => {
        fs.fsync(this.#file.fd, (error) => (error === null ? resolve() : reject(error)));
      });
      fs.renameSync(this.#file.path, path);
    } catch (thrown) {
      throw ioError(thrown, "write", path);
    }
    syncDirectory(dirname(path));
  }

  close(): void {
    this.#file.close();
  }
}
