/** What is at the paths of a patch before it is applied. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { type ReadFailure, readTree } from "../../wire/tree-read.ts";
import type { TreeStat } from "../../wire/tree-stat.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import { patchLimits } from "./limits.ts";

/** Something that is there; the content of a file is bytes of one character each, and empty for the others. */
export interface Current {
  readonly stat: TreeStat;
  readonly content: string;
}

/** What is there, by path; what is not there is missing. Raises `path_escape` where a path leads through a symlink. */
export async function readCurrent(
  tree: GuestTree,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Current>> {
  const reading = new CurrentReading(paths);
  const request = { root: tree.root, paths, max_bytes: null, offset: 0, follow: false };
  await readTree(tree.agent, request, reading, treeCall(tree, signal));
  return reading.found;
}

class CurrentReading {
  readonly found = new Map<string, Current>();
  readonly #paths: readonly string[];
  #stat: TreeStat | undefined;
  #chunks: Buffer[] = [];
  #total_bytes = 0;

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  entry(index: number, stat: TreeStat): void {
    this.#total_bytes += stat.size_bytes;
    const path = this.#path(index);
    if (stat.size_bytes > patchLimits.file_bytes) throw tooLarge(`${showPath(path)} is`, patchLimits.file_bytes);
    if (this.#total_bytes > patchLimits.total_bytes)
      throw tooLarge("the files of the patch are together", patchLimits.total_bytes);
    this.#stat = stat;
    this.#chunks = [];
  }

  data(_index: number, data: Buffer): void {
    // Copied: a part of a larger piece would keep all of it.
    this.#chunks.push(Buffer.from(data));
  }

  ended(index: number, { changed }: { readonly changed: boolean }): void {
    const path = this.#path(index);
    if (changed || this.#stat === undefined)
      throw new PyroError("path_changed", `${showPath(path)} was written to while it was read`, { details: { path } });
    this.found.set(path, { stat: this.#stat, content: Buffer.concat(this.#chunks).toString("latin1") });
    this.#stat = undefined;
    this.#chunks = [];
  }

  failed(index: number, { code, errno }: ReadFailure): void {
    if (code === "path_not_found" || code === "path_not_directory") return;
    const path = this.#path(index);
    throw new PyroError(code, `${showPath(path)} ${problemOf(code)}`, { details: { path, errno } });
  }

  #path(index: number): string {
    return this.#paths[index] ?? "";
  }
}

function problemOf(code: string): string {
  return code === "path_escape" ? "leads through a symlink" : "cannot be read";
}

/** Something is beyond a limit of patches. */
export function tooLarge(subject: string, limit: number): PyroError {
  return new PyroError("too_large", `${subject} larger than ${limit / 1_048_576} MiB`, {
    hint: "Change it with a command in the workspace",
    details: { limit },
  });
}
