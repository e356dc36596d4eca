/** Directories that a listing need not list: the agent compares a digest, and the host puts in what it knows. */
import type { Message } from "./messages.ts";
import { violation } from "./reply.ts";
import type { ByteText } from "./tree-messages.ts";
import { pathFrom, pathToWire, type WalkEntry } from "./tree-stat.ts";

/** A tree as it was when its digests were told. */
export interface KnownTree {
  /** Digest of each directory that need not be listed where it still has it; the empty path is the tree itself */
  readonly digests: ReadonlyMap<string, string>;
  /** The directory's own entries, in the order of a listing */
  entriesOf(directory: string): readonly WalkEntry[];
  /** Takes the digest of a directory that was listed, after its entries. */
  told?(directory: string, digest: string): void;
}

/** The digests, for the wire. */
export function digestsOf({ digests }: KnownTree): Message<"walk.request">["known"] {
  return [...digests].map(([path, digest]) => ({ path: pathToWire(path, true), digest }));
}

/** Parses the path of a directory, which may be the tree itself. Throws `protocol_violation`. */
export function directoryFrom(text: ByteText): string {
  return text === "" ? "" : pathFrom(text);
}

/** Puts the entries of known directories where they belong among those that are listed. */
export class Filling {
  readonly #known: KnownTree | undefined;
  readonly #recursive: boolean;
  /** Directories that are being put in, inner ones last; each waits at a directory for what lies in that */
  readonly #open: { readonly entries: readonly WalkEntry[]; at: number }[] = [];

  constructor({ known, recursive }: { readonly known?: KnownTree | undefined; readonly recursive: boolean }) {
    this.#known = known;
    this.#recursive = recursive;
  }

  /** The entries that come before this path. */
  *upTo(path: string): Generator<WalkEntry> {
    for (let inner = this.#open.at(-1); inner !== undefined; inner = this.#open.at(-1)) {
      const waiting = inner.entries[inner.at - 1]?.path;
      if (waiting !== undefined && (path === waiting || path.startsWith(`${waiting}/`))) return;
      yield* this.#goOn(inner);
    }
  }

  /** The first entries of a directory that is as it was. Throws `protocol_violation` where that cannot be. */
  *begin(directory: string, count: number): Generator<WalkEntry> {
    yield* this.upTo(directory);
    const entries = this.#known?.digests.has(directory) ? this.#known.entriesOf(directory) : undefined;
    if (entries?.length !== count)
      throw violation("The agent says of a directory that it is one that the host does not know");
    const filled = { entries, at: 0 };
    this.#open.push(filled);
    yield* this.#goOn(filled);
  }

  /** All that has not been put in. */
  *rest(): Generator<WalkEntry> {
    for (let inner = this.#open.at(-1); inner !== undefined; inner = this.#open.at(-1)) yield* this.#goOn(inner);
  }

  /** Up to the next directory, or to the end. */
  *#goOn(filled: { readonly entries: readonly WalkEntry[]; at: number }): Generator<WalkEntry> {
    while (filled.at < filled.entries.length) {
      const entry = filled.entries[filled.at];
      filled.at += 1;
      if (entry === undefined) continue;
      yield entry;
      if (entry.kind === "directory" && this.#recursive) return;
    }
    this.#open.pop();
  }
}
