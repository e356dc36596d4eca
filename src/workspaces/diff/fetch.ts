/** Fetches files of a guest one after the other, each whole and of one moment, with its hash. */
import { createHash, type Hash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { type ReadFailure, readTree } from "../../wire/tree-read.ts";
import type { TreeStat } from "../../wire/tree-stat.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import { diffLimits } from "./limits.ts";

/** A file as it was read, or why it was not. */
export type Fetched =
  | {
      readonly state: "read";
      readonly stat: TreeStat;
      readonly sha256: string;
      /** Undefined for one beyond `diffLimits.file_bytes` */
      readonly content: Buffer | undefined;
    }
  | { readonly state: "changed_while_read" | "unreadable" };

/** Takes each file; what it returns is awaited before more is read. */
export type FetchSink = (path: string, fetched: Fetched) => Promise<void>;

/** Fetches these files; one that changes meanwhile is read once more. Raises `too_large` where they are too much together. */
export async function fetchFiles(
  tree: GuestTree,
  paths: readonly string[],
  sink: FetchSink,
  signal: AbortSignal,
): Promise<void> {
  const budget = { left: diffLimits.fetched_bytes };
  const unsettled = await fetchOnce(paths, true);
  if (unsettled.length > 0) await fetchOnce(unsettled, false);

  async function fetchOnce(these: readonly string[], mayRetry: boolean): Promise<string[]> {
    if (these.length === 0) return [];
    const again: string[] = [];
    const fetching = new Fetching(budget, async (index, fetched) => {
      const path = these[index] ?? "";
      if (fetched.state === "changed_while_read" && mayRetry) again.push(path);
      else await sink(path, fetched);
    });
    const request = { root: tree.root, paths: these, max_bytes: null, offset: 0, follow: false };
    await readTree(tree.agent, request, fetching, treeCall(tree, signal));
    return again;
  }
}

class Fetching {
  readonly #budget: { left: number };
  readonly #done: (index: number, fetched: Fetched) => Promise<void>;
  #stat: TreeStat | undefined;
  #hash: Hash = createHash("sha256");
  #chunks: Buffer[] | undefined;

  constructor(budget: { left: number }, done: (index: number, fetched: Fetched) => Promise<void>) {
    this.#budget = budget;
    this.#done = done;
  }

  entry(_index: number, stat: TreeStat): void {
    this.#stat = stat;
    this.#hash = createHash("sha256");
    this.#chunks = stat.size_bytes <= diffLimits.file_bytes ? [] : undefined;
  }

  data(_index: number, data: Buffer): void {
    this.#budget.left -= data.length;
    if (this.#budget.left < 0) throw tooMuch();
    this.#hash.update(data);
    // Copied: a part of a larger piece would keep all of it.
    this.#chunks?.push(Buffer.from(data));
  }

  ended(index: number, { changed }: { readonly changed: boolean }): Promise<void> {
    const stat = this.#stat;
    if (changed || stat?.kind !== "file") return this.#done(index, { state: "changed_while_read" });
    const content = this.#chunks && Buffer.concat(this.#chunks);
    this.#chunks = undefined;
    return this.#done(index, { state: "read", stat, sha256: this.#hash.digest("hex"), content });
  }

  failed(index: number, { code }: ReadFailure): Promise<void> {
    const isGone = code === "path_not_found" || code === "path_not_directory" || code === "path_escape";
    return this.#done(index, { state: isGone ? "changed_while_read" : "unreadable" });
  }
}

/** More changed than one diff fetches. */
export function tooMuch(): PyroError {
  const limit = diffLimits.fetched_bytes;
  return new PyroError(
    "too_large",
    `more than ${limit / 1_048_576} MiB would have to be fetched to tell what changed`,
    {
      hint: "Delete what was generated in the workspace, or export what you need",
      details: { limit },
    },
  );
}
