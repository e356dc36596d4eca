/** The difference between what a workspace was seeded with and what is in its machine, as entries and as a patch that `git apply` takes. */
import { join } from "node:path";
import { comparePaths, encodePath } from "../../contract/path-bytes.ts";
import { listDirectory, remove } from "../../platform/files.ts";
import type { Baseline } from "../baseline/baseline.ts";
import type { GuestStamp, SeedStamps } from "../baseline/stamps.ts";
import type { GuestTree } from "../guest-tree.ts";
import { type CarriedChange, Carrying, type Outcome } from "./carrying.ts";
import { type DiffStatus, gitMode, stampOf, type TreeChange } from "./comparison.ts";
import { type Fetched, fetchFiles, tooMuch } from "./fetch.ts";
import type { LeftOut, LeftOutReason } from "./left-out.ts";
import { diffLimits } from "./limits.ts";
import { liesIn, listChanges } from "./listing.ts";
import { type PatchedTrees, writePatch } from "./writing.ts";

export interface DiffRequest {
  readonly tree: GuestTree;
  /** Undefined where nothing was seeded */
  readonly baseline: Baseline | undefined;
  /** What the guest said of seeded files when they were known to be as they were seeded */
  readonly stamps: ReadonlyMap<string, GuestStamp> | undefined;
  /** What it said of their directories then; those that are as they were are not listed */
  readonly digests?: SeedStamps["digests"] | undefined;
  /** Whether binary files are in the patch, as Git binary patches */
  readonly binary: boolean;
  /** Directory of ours, 0700, for this diff alone; emptied before and after */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Most of the patch text; `diffLimits.patch_bytes` where it is absent */
  readonly max_patch_bytes?: number;
}

/** A file, symlink or special file that is not what it was. */
export interface DiffEntry {
  readonly path: string;
  readonly status: DiffStatus;
  /** Its lines are not counted: it is not text, or its content is not in the patch */
  readonly binary: boolean;
  readonly additions: number;
  readonly deletions: number;
}

export interface TreeDiff {
  /** In the order of the tree, at most `diffLimits.entries` of them */
  readonly entries: readonly DiffEntry[];
  readonly patch: string;
  /** Whether the patch, the entries or what is not in the patch are cut */
  readonly truncated: boolean;
  readonly entry_count: number;
  readonly additions: number;
  readonly deletions: number;
  /** What is different and not in the patch, at most `diffLimits.entries` of it */
  readonly not_in_patch: readonly LeftOut[];
  readonly not_in_patch_count: number;
  /** Those of the request, and what this diff found to be as it was seeded: the next one need not fetch it */
  readonly stamps: ReadonlyMap<string, GuestStamp>;
  /** Whether there are more stamps than in the request, or others */
  readonly stamps_improved: boolean;
}

/** Age from which the time of a change tells it from a later one, in `ms`: a guest's clock has ticks, and is not quite the host's */
const SETTLED_MS = 1_000;

/** Compares a guest's tree with its baseline. Raises `too_large` beyond `diffLimits`, `baseline_damaged`, and what reading the tree raises. */
export async function diffTree(request: DiffRequest): Promise<TreeDiff> {
  empty(request.scratch);
  const work = new DiffWork(request);
  try {
    return await work.run();
  } finally {
    await work.close();
    empty(request.scratch);
  }
}

function empty(directory: string): void {
  for (const name of listDirectory(directory)) remove(join(directory, name));
}

class DiffWork {
  readonly #request: DiffRequest;
  readonly #carrying: Carrying;
  readonly #outcomes = new Map<TreeChange, Outcome>();
  readonly #stamps: Map<string, GuestStamp>;
  #isImproved = false;

  constructor(request: DiffRequest) {
    const { scratch, baseline, binary, signal } = request;
    this.#request = request;
    this.#carrying = new Carrying(scratch, baseline, { takesBinary: binary, signal });
    this.#stamps = new Map(request.stamps);
  }

  async run(): Promise<TreeDiff> {
    const { tree, baseline, stamps, digests, signal, max_patch_bytes = diffLimits.patch_bytes } = this.#request;
    const seeded = stamps && { stamps, digests: digests ?? new Map() };
    const { changes, notes } = await listChanges(tree, baseline, seeded, signal);
    for (const change of changes.filter((each) => !isFetched(each))) await this.#settle(change);
    await this.#fetch(changes.filter(isFetched));
    this.#block(notes);
    const carried = [...this.#outcomes.values()].filter((outcome) => typeof outcome !== "string");
    const store = this.#carrying.store;
    const written = store && (await writePatch(store, carried, max_patch_bytes, signal));
    return this.#result(changes, notes, written);
  }

  async close(): Promise<void> {
    await this.#carrying.store?.close();
  }

  /** A change that needs nothing more from the guest. */
  async #settle(change: TreeChange): Promise<void> {
    const { before, after, leftOut } = change;
    if (leftOut !== undefined) this.#outcomes.set(change, leftOut);
    else if (before?.kind !== "file" || after?.kind !== "file")
      this.#outcomes.set(change, after?.kind === "file" ? "too_large" : await this.#carrying.carry(change));
    else if (before.size_bytes === after.size_bytes) this.#outcomes.set(change, await this.#carrying.carryMode(change));
    else this.#outcomes.set(change, "too_large");
  }

  async #fetch(changes: readonly TreeChange[]): Promise<void> {
    const bytes = changes.reduce((sum, { after }) => sum + (after?.size_bytes ?? 0), 0);
    if (bytes > diffLimits.fetched_bytes) throw tooMuch();
    const byPath = new Map(changes.map((change) => [change.path, change]));
    const { tree, signal } = this.#request;
    const take = async (path: string, fetched: Fetched) => {
      const change = byPath.get(path);
      const outcome = change && (await this.#outcomeOf(change, fetched));
      if (change !== undefined && outcome !== undefined) this.#outcomes.set(change, outcome);
    };
    await fetchFiles(tree, [...byPath.keys()], take, signal);
  }

  /** Undefined where the file is what it was. */
  async #outcomeOf(change: TreeChange, fetched: Fetched): Promise<Outcome | undefined> {
    if (fetched.state !== "read") return fetched.state;
    const { before, after } = change;
    const { content, stat, sha256 } = fetched;
    if (before?.sha256 !== sha256) return content === undefined ? "too_large" : this.#carrying.carry(change, content);
    this.#improve(change.path, stampOf(stat));
    const isSameMode = after !== undefined && gitMode(before) === gitMode(after);
    return isSameMode ? undefined : this.#carrying.carryMode(change);
  }

  #improve(path: string, stamp: GuestStamp): void {
    const age_ns = BigInt(Date.now()) * 1_000_000n - BigInt(stamp.ctime_ns);
    if (age_ns < BigInt(SETTLED_MS) * 1_000_000n) return;
    this.#stamps.set(path, stamp);
    this.#isImproved = true;
  }

  /** Leaves out what cannot be applied because something seeded stays in its way. */
  #block(notes: readonly LeftOut[]): void {
    const staying = new Set<string>();
    for (const [{ path, before }, outcome] of this.#outcomes)
      if (before !== undefined && typeof outcome === "string") staying.add(path);
    for (const { path, reason } of notes)
      if (reason === "empty_directory" || reason === "git_directory" || reason === "unreadable") staying.add(path);
    const above = new Set([...staying].flatMap(directoriesAbove));
    for (const [change, outcome] of this.#outcomes) {
      const isNew = change.after !== undefined && typeof outcome !== "string";
      if (isNew && (above.has(change.path) || liesIn(change.path, staying))) this.#outcomes.set(change, "blocked");
    }
  }

  #result(changes: readonly TreeChange[], notes: readonly LeftOut[], written: PatchedTrees | undefined): TreeDiff {
    const entries: DiffEntry[] = [];
    const left: LeftOut[] = [...notes];
    for (const change of changes) {
      const outcome = this.#outcomes.get(change);
      if (outcome === undefined) continue;
      if (typeof outcome === "string") left.push({ path: change.path, reason: outcome });
      if (outcome !== "unreadable" || change.status !== "modified") entries.push(entryOf(change, outcome, written));
    }
    const inOrder = left.sort((one, other) => comparePaths(one.path, other.path));
    const limit = diffLimits.entries;
    return {
      entries: entries.slice(0, limit),
      patch: written?.patch ?? "",
      truncated: (written?.truncated ?? false) || entries.length > limit || left.length > limit,
      entry_count: entries.length,
      additions: written?.additions ?? 0,
      deletions: written?.deletions ?? 0,
      not_in_patch: inOrder.slice(0, limit),
      not_in_patch_count: left.length,
      stamps: this.#stamps,
      stamps_improved: this.#isImproved,
    };
  }
}

/** Whether the guest's file is to be read: to see whether it changed, or because it did and can be in a patch. */
function isFetched({ after, isUnsure, leftOut }: TreeChange): boolean {
  if (after?.kind !== "file" || leftOut !== undefined) return false;
  return isUnsure || after.size_bytes <= diffLimits.file_bytes;
}

function directoriesAbove(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

function entryOf(
  { path, status }: TreeChange,
  outcome: CarriedChange | LeftOutReason,
  written?: PatchedTrees,
): DiffEntry {
  if (typeof outcome === "string" || outcome.isBinary)
    return { path, status, binary: true, additions: 0, deletions: 0 };
  const counts = written?.counts.get(encodePath(path).toString("latin1"));
  return { path, status, binary: false, additions: counts?.additions ?? 0, deletions: counts?.deletions ?? 0 };
}
