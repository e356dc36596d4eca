/** Puts both sides of what changed into a store, as far as a patch can carry it. */

import { encodePath } from "../../contract/path-bytes.ts";
import type { WalkEntry } from "../../wire/tree-stat.ts";
import type { Baseline } from "../baseline/baseline.ts";
import type { BaselineEntry } from "../baseline/index-document.ts";
import { gitMode, type TreeChange } from "./comparison.ts";
import type { LeftOutReason } from "./left-out.ts";
import { diffLimits } from "./limits.ts";
import { type Mark, ObjectStore, type StoredFile } from "./object-store.ts";

/** One side of a change: a file's content, or where a symlink points. */
interface Side {
  readonly mode: string;
  readonly content: Buffer;
}

/** A change whose sides are in the store. */
export interface CarriedChange {
  readonly change: TreeChange;
  readonly isBinary: boolean;
  readonly before: StoredFile | undefined;
  readonly after: StoredFile | undefined;
}

/** What became of a change: in the store, left out for a reason, or none at all. */
export type Outcome = CarriedChange | LeftOutReason;

const EMPTY = Buffer.alloc(0);
const strict = new TextDecoder("utf-8", { fatal: true });

/** Carries changes one by one; the store is made with the first of them. */
export class Carrying {
  readonly #directory: string;
  readonly #baseline: Baseline | undefined;
  readonly #takesBinary: boolean;
  readonly #signal: AbortSignal;
  #store: ObjectStore | undefined;

  constructor(
    directory: string,
    baseline: Baseline | undefined,
    { takesBinary, signal }: { takesBinary: boolean; signal: AbortSignal },
  ) {
    this.#directory = directory;
    this.#baseline = baseline;
    this.#takesBinary = takesBinary;
    this.#signal = signal;
  }

  get store(): ObjectStore | undefined {
    return this.#store;
  }

  /** A change of which all that matters is known, but for a file's new content. */
  async carry(change: TreeChange, fetched?: Buffer): Promise<Outcome> {
    const before = change.before && (await this.#before(change.before));
    const after = change.after && afterOf(change.after, fetched);
    return before === "too_large" ? before : this.#put(change, before, after);
  }

  /** A change of a file's executable bit, whose content plays no part. */
  carryMode(change: TreeChange): Promise<Outcome> {
    const side = (of: BaselineEntry | WalkEntry | undefined) => of && { mode: gitMode(of), content: EMPTY };
    return this.#put(change, side(change.before), side(change.after));
  }

  async #put(change: TreeChange, before: Side | undefined, after: Side | undefined): Promise<Outcome> {
    const isBinary = !(isText(before) && isText(after));
    if (isBinary && !this.#takesBinary) return "binary";
    return { change, isBinary, before: await this.#stored(change, before), after: await this.#stored(change, after) };
  }

  async #stored({ path }: TreeChange, side: Side | undefined): Promise<StoredFile | undefined> {
    if (side === undefined) return undefined;
    this.#store ??= ObjectStore.make(this.#directory, this.#signal);
    const mark: Mark = await this.#store.content(side.content);
    return { path, mode: side.mode, mark };
  }

  async #before(entry: BaselineEntry): Promise<Side | "too_large"> {
    const mode = gitMode(entry);
    if (entry.kind === "symlink") return { mode, content: encodePath(entry.link_target ?? "") };
    if (entry.size_bytes > diffLimits.file_bytes) return "too_large";
    return { mode, content: (await this.#baseline?.read(entry)) ?? EMPTY };
  }
}

function afterOf(entry: WalkEntry, fetched: Buffer | undefined): Side {
  const isLink = entry.kind === "symlink";
  return { mode: gitMode(entry), content: isLink ? encodePath(entry.link_target ?? "") : (fetched ?? EMPTY) };
}

/** Whether a content can stand in a patch as it is: UTF-8 without NUL. */
function isText(side: Side | undefined): boolean {
  if (side === undefined) return true;
  if (side.content.includes(0)) return false;
  try {
    strict.decode(side.content);
    return true;
  } catch {
    return false;
  }
}
