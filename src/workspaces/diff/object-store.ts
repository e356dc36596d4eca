/** A bare Git repository of our own that holds nothing but what a diff is made of; all of it comes in through one process. */
import { join } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { encodePath } from "../../contract/path-bytes.ts";
import { cleanText } from "../../contract/text.ts";
import { makeNewDirectory, makeNewFile } from "../../platform/directories.ts";
import { findProgram, type RunningProgram, startProgram } from "../../platform/programs.ts";
import { quietGit } from "../seed/git-listing.ts";
import { diffLimits } from "./limits.ts";

const MAX_REASON_CHARS = 2_000;
/** What is written at once is gathered up to this size */
const GATHERED_BYTES = 262_144;

/** Objects are read again at once and thrown away: compressing them, or waiting for the disk, gains nothing. */
const settings = ["core.compression=0", "pack.compression=0", "core.fsync=none", "fastimport.unpackLimit=0"];

/** Number of a content that was put into a store. */
export type Mark = number;

export interface StoredFile {
  readonly path: string;
  /** As git writes it: 100644, 100755, 120000 */
  readonly mode: string;
  readonly mark: Mark;
}

/** A repository that is being filled. */
export class ObjectStore {
  /** Its Git directory */
  readonly path: string;
  readonly #signal: AbortSignal;
  readonly #import: RunningProgram;
  readonly #ended: Promise<void>;
  #failure: PyroError | undefined;
  #marks = 0;

  private constructor(path: string, git: string, signal: AbortSignal) {
    this.path = path;
    this.#signal = signal;
    const args = [`--git-dir=${path}`, ...settings.flatMap((setting) => ["-c", setting])];
    this.#import = startProgram(git, [...args, "fast-import", "--quiet", "--done"], { env: quietGit, signal });
    const reason = reasonOf(this.#import);
    this.#import.stdout.resume();
    this.#ended = this.#import.ended.then(({ exit_code }) => {
      if (exit_code !== 0) this.#failure = gitFailed("take in a tree", reason(), signal);
    });
    this.#ended.catch(() => undefined);
  }

  /** Makes one in a directory of ours. */
  static make(directory: string, signal: AbortSignal): ObjectStore {
    const git = findProgram("git");
    if (signal.aborted) throw gitFailed("make a repository", "", signal);
    const path = join(directory, "objects.git");
    for (const part of ["", "objects", "refs"]) makeNewDirectory(join(path, part));
    makeNewFile(join(path, "HEAD"), `ref: ${refOf("none")}\n`);
    makeNewFile(join(path, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
    return new ObjectStore(path, git, signal);
  }

  /** Puts a content in. */
  async content(bytes: Uint8Array): Promise<Mark> {
    this.#marks += 1;
    const header = Buffer.from(`blob\nmark :${this.#marks}\ndata ${bytes.length}\n`);
    const parts = [header, bytes, Buffer.from("\n")];
    // One write for a small content, no copy of a large one.
    for (const part of bytes.length < GATHERED_BYTES ? [Buffer.concat(parts)] : parts) await this.#write(part);
    return this.#marks;
  }

  /** Gives a tree of such contents a name. */
  async tree(name: string, files: Iterable<StoredFile>): Promise<void> {
    let lines = [Buffer.from(`commit ${refOf(name)}\ncommitter pyro <pyro> 0 +0000\ndata 0\n\n`)];
    let bytes = 0;
    for (const { path, mode, mark } of files) {
      const line = Buffer.concat([Buffer.from(`M ${mode} :${mark} `), quotedForImport(path), Buffer.from("\n")]);
      lines.push(line);
      bytes += line.length;
      if (bytes < GATHERED_BYTES) continue;
      await this.#write(Buffer.concat(lines));
      lines = [];
      bytes = 0;
    }
    await this.#write(Buffer.concat([...lines, Buffer.from("\n")]));
  }

  /** Ends the filling; what was put in can be read from then on. */
  async finish(): Promise<void> {
    await this.#write(Buffer.from("done\n"));
    this.#import.stdin.end();
    await this.#ended;
    this.#check();
  }

  /** Ends whatever still runs in it. */
  async close(): Promise<void> {
    this.#import.kill();
    await this.#ended.catch(() => undefined);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#check();
    if (this.#import.stdin.write(bytes)) return;
    const { stdin } = this.#import;
    await Promise.race([new Promise<void>((resolve) => stdin.once("drain", resolve)), this.#ended]);
    this.#check();
  }

  #check(): void {
    if (this.#signal.aborted) throw gitFailed("take in a tree", "", this.#signal);
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Ref of a tree in a store. */
export function refOf(name: string): string {
  return `refs/heads/${name}`;
}

/** In fast-import's quotes every byte but these three stands for itself. */
function quotedForImport(path: string): Buffer {
  const escapes: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n" };
  return encodePath(`"${path.replace(/["\\\n]/g, (character) => escapes[character] ?? character)}"`);
}

/** Collects the beginning of what a program has to say. */
export function reasonOf(program: RunningProgram): () => string {
  let reason = "";
  program.stderr.on("data", (chunk: Buffer) => {
    reason = (reason + chunk.toString("utf8")).slice(0, MAX_REASON_CHARS);
  });
  return () => reason;
}

/** Why git did not do something: cancelled, out of time, or what it said. */
export function gitFailed(doing: string, reason: string, signal: AbortSignal): PyroError {
  if (signal.aborted && signal.reason?.name !== "TimeoutError")
    return new PyroError("cancelled", "cancelled while the changes were compared");
  if (signal.aborted)
    return new PyroError("too_large", `the changes take longer than ${diffLimits.git_ms / 1000} s to compare`);
  return new PyroError("host_io_failed", `git cannot ${doing}: ${cleanText(reason).trim()}`);
}
