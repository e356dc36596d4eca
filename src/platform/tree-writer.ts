/** Writes a tree that nobody vouches for below a host path: by directory descriptors, into a private place, and under its name only when it is whole. */
import * as fs from "node:fs";
import { PyroError } from "../contract/errors.ts";
import { encodePath, showPath } from "../contract/path-bytes.ts";
import type { SourceEntry, TreeEntry } from "../contract/tree.ts";
import { TreeCheck, type TreeLimits } from "../contract/tree-check.ts";
import { leadsOutside } from "../contract/tree-links.ts";
import type { DirectoryHandle } from "./directory-handle.ts";
import { errnoOf, type OpenFile } from "./files.ts";
import { collision, type NameRules, nameRulesOf, WrittenNames } from "./name-rules.ts";
import { findProgram, runProgram } from "./programs.ts";
import { outputError, Staging } from "./staging.ts";

/** So many files and directories are made durable one by one; beyond that, their file system at once is faster. */
const FSYNC_EACH = 64;

/** How a tree is written. */
export interface WriteOptions {
  /** Replaces what is at the destination */
  readonly force?: boolean;
  readonly limits?: TreeLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Says of an entry that it is not to be written; it is checked all the same */
  readonly omits?: (entry: TreeEntry) => boolean;
  /** Finds how names are told apart where it is written, by trying it in a directory there */
  readonly nameRules?: (directory: DirectoryHandle) => NameRules;
}

/** A symlink that was not made, since it leads out of its tree. */
export interface SkippedLink {
  readonly path: string;
  readonly link_target: string;
}

/** What was written. */
export interface WrittenTree {
  readonly entries: number;
  readonly bytes_written: number;
  readonly skipped_links: readonly SkippedLink[];
}

/** Writes the entries as the directory `destination`. Files get mode 0644 or 0755 at most, directories 0755; the umask takes from that. */
export async function writeTree(
  source: AsyncIterable<SourceEntry>,
  destination: string,
  options: WriteOptions = {},
): Promise<WrittenTree> {
  return staged(destination, options, async (staging) => {
    staging.directory.makeDirectory(staging.made, 0o755);
    const names = new WrittenNames((options.nameRules ?? nameRulesOf)(staging.directory));
    const writer = new TreeWriter(staging.directory.openDirectory(staging.made), names, options);
    try {
      for await (const entry of source) await writer.write(entry);
      return await writer.finish();
    } finally {
      writer.close();
    }
  });
}

/** Writes one file as `destination`. */
export async function writeOneFile(
  entry: SourceEntry,
  destination: string,
  options: WriteOptions = {},
): Promise<WrittenTree> {
  new TreeCheck(options.limits).admit({ ...entry, path: "file" });
  if (entry.kind !== "file")
    throw new PyroError("unsupported_type", `${showPath(entry.path)} is a ${entry.kind}, not a file`);
  return staged(destination, options, async (staging) => {
    const file = staging.directory.makeFile(staging.made, cleanMode(entry.mode));
    try {
      const bytes_written = await writeContent(file, entry, options.signal);
      fs.fsyncSync(file.fd);
      return { entries: 1, bytes_written, skipped_links: [] };
    } finally {
      file.close();
    }
  });
}

async function staged(
  destination: string,
  { force = false }: WriteOptions,
  write: (staging: Staging) => Promise<WrittenTree>,
): Promise<WrittenTree> {
  const staging = await Staging.open(destination, force);
  try {
    const written = await write(staging);
    staging.publish(force);
    return written;
  } catch (thrown) {
    throw outputError(thrown, staging.destination);
  } finally {
    staging.close();
  }
}

const cleanMode = (mode: number): number => ((mode & 0o100) === 0 ? 0o644 : 0o755);

/** Takes the entries of one tree. */
class TreeWriter {
  readonly #check: TreeCheck;
  readonly #options: WriteOptions;
  /** Open directories, each in the one before it; the first is the tree's root */
  readonly #open: { readonly name: string; readonly handle: DirectoryHandle }[];
  readonly #names: WrittenNames;
  readonly #links = new Map<string, string>();
  #entries = 0;
  #bytes = 0;
  #made = 0;

  constructor(root: DirectoryHandle, names: WrittenNames, options: WriteOptions) {
    this.#names = names;
    this.#open = [{ name: "", handle: root }];
    this.#options = options;
    this.#check = new TreeCheck(options.limits);
  }

  async write(entry: SourceEntry): Promise<void> {
    stopIfAborted(this.#options.signal);
    const isOmitted = this.#options.omits?.(entry) ?? false;
    this.#check.admit(isOmitted ? { ...entry, size_bytes: 0 } : entry);
    if (isOmitted) return;
    this.#names.admit(entry.path);
    if (entry.kind === "symlink") {
      // Made last: then no name that is written can lead through one.
      this.#links.set(entry.path, entry.link_target ?? "");
      return;
    }
    const { directory, name } = this.#enter(entry.path);
    await this.#making(entry.path, async () => {
      if (entry.kind === "directory") directory.makeDirectory(name, 0o755);
      else await this.#writeFile(directory, name, entry);
    });
    this.#entries += 1;
    this.#made += 1;
  }

  /** Makes the symlinks that stay in the tree, and all of it durable. */
  async finish(): Promise<WrittenTree> {
    const skipped_links: SkippedLink[] = [];
    const keyOf = (path: string) => this.#names.key(path);
    const links = new Map([...this.#links].map(([path, target]) => [keyOf(path), keyOf(target)]));
    for (const [path, link_target] of this.#links) {
      if (leadsOutside(keyOf(path), links)) {
        skipped_links.push({ path, link_target });
        continue;
      }
      const { directory, name } = this.#enter(path);
      await this.#making(path, async () => directory.makeSymlink(name, encodePath(link_target)));
      this.#entries += 1;
    }
    await this.#sync();
    return { entries: this.#entries, bytes_written: this.#bytes, skipped_links };
  }

  close(): void {
    while (this.#open.length > 0) this.#open.pop()?.handle.close();
  }

  async #writeFile(directory: DirectoryHandle, name: Buffer, entry: SourceEntry): Promise<void> {
    const file = directory.makeFile(name, cleanMode(entry.mode));
    try {
      this.#bytes += await writeContent(file, entry, this.#options.signal);
      if (this.#made < FSYNC_EACH) fs.fsyncSync(file.fd);
    } finally {
      file.close();
    }
  }

  /** Every name is made exactly once, so one that is there already is another name to us and the same to the file system. */
  async #making(path: string, make: () => Promise<void>): Promise<void> {
    try {
      await make();
    } catch (thrown) {
      if (errnoOf(thrown) !== "EEXIST") throw thrown;
      throw collision(path, undefined, thrown);
    }
  }

  /** Opens the directory of a path, one name at a time, keeping open what the next path is likely to need. */
  #enter(path: string): { directory: DirectoryHandle; name: Buffer } {
    const names = path.split("/");
    const name = names.pop() ?? "";
    let depth = 0;
    while (depth < names.length && this.#open[depth + 1]?.name === names[depth]) depth += 1;
    while (this.#open.length > depth + 1) this.#leave();
    for (const each of names.slice(depth)) {
      const handle = this.#innermost().openDirectory(encodePath(each));
      this.#open.push({ name: each, handle });
    }
    return { directory: this.#innermost(), name: encodePath(name) };
  }

  #innermost(): DirectoryHandle {
    const last = this.#open.at(-1);
    if (last === undefined) throw new Error("the tree is closed");
    return last.handle;
  }

  #leave(): void {
    const left = this.#open.pop()?.handle;
    if (this.#made < FSYNC_EACH) left?.sync();
    left?.close();
  }

  async #sync(): Promise<void> {
    while (this.#open.length > 1) this.#leave();
    const root = this.#innermost();
    if (this.#made < FSYNC_EACH) return root.sync();
    const { exit_code, stderr } = await runProgram(findProgram("sync"), ["-f", "/proc/self/fd/3"], { fds: [root.fd] });
    if (exit_code !== 0) throw new PyroError("host_io_failed", `cannot sync "${root.path}": ${stderr.trim()}`);
  }
}

async function writeContent(file: OpenFile, entry: SourceEntry, signal: AbortSignal | undefined): Promise<number> {
  let written = 0;
  for await (const chunk of entry.content()) {
    stopIfAborted(signal);
    written += chunk.length;
    if (written > entry.size_bytes) throw mismatch(entry, "more");
    file.write(chunk);
  }
  if (written < entry.size_bytes) throw mismatch(entry, `only ${written}`);
  return written;
}

function mismatch({ path, size_bytes }: SourceEntry, found: string): PyroError {
  return new PyroError("length_mismatch", `${showPath(path)} was announced with ${size_bytes} bytes and has ${found}`, {
    details: { path, announced_bytes: size_bytes },
  });
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new PyroError("cancelled", "cancelled while files were written");
}
