/** A seeded tree as its guest described it, of which a listing may leave out what is still so. */
import type { KnownTree } from "../../wire/known-tree.ts";
import type { WalkEntry } from "../../wire/tree-stat.ts";
import { walkTree } from "../../wire/tree-walk.ts";
import type { Baseline } from "../baseline/baseline.ts";
import type { BaselineEntry } from "../baseline/index-document.ts";
import type { GuestStamp, SeedStamps } from "../baseline/stamps.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import { SEEDED_BITS, stampOf } from "./comparison.ts";

/** Room for paths and digests in a request, in characters; what does not fit in is listed */
const REQUEST_CHARS = 400_000;
/** What a directory takes beside its path */
const DIRECTORY_CHARS = 48;

/** What a guest says of every path and directory of a tree, to be known from then on. */
export async function describeTree(tree: GuestTree, signal: AbortSignal): Promise<SeedStamps> {
  const stamps = new Map<string, GuestStamp>();
  const digests = new Map<string, string>();
  const known = {
    digests: new Map(),
    entriesOf: () => [],
    told: (directory: string, digest: string) => void digests.set(directory, digest),
  };
  const request = { root: tree.root, path: "", recursive: true, max_entries: 1_000_000, known };
  const note = (entries: readonly WalkEntry[]) => {
    for (const entry of entries) stamps.set(entry.path, stampOf(entry));
  };
  await walkTree(tree.agent, request, note, treeCall(tree, signal));
  return { stamps, digests };
}

/** What is known; nothing where no digests were told. */
export function knownTree(baseline: Baseline | undefined, seeded: SeedStamps | undefined): KnownTree | undefined {
  if (baseline === undefined || seeded === undefined || seeded.digests.size === 0) return undefined;
  const entries = entriesByDirectory(baseline, seeded.stamps);
  const bySize = [...seeded.digests].sort(([one], [other]) => sizeOf(entries, other) - sizeOf(entries, one));
  const digests = new Map<string, string>();
  let room = REQUEST_CHARS;
  for (const [path, digest] of bySize) {
    room -= path.length * 3 + DIRECTORY_CHARS;
    if (room < 0) break;
    digests.set(path, digest);
  }
  return { digests, entriesOf: (directory) => entries.get(directory) ?? [] };
}

type Entries = ReadonlyMap<string, readonly WalkEntry[]>;

const sizeOf = (entries: Entries, directory: string): number => entries.get(directory)?.length ?? 0;

function entriesByDirectory(baseline: Baseline, stamps: SeedStamps["stamps"]): Entries {
  const found = new Map<string, WalkEntry[]>();
  for (const entry of baseline.entries) {
    const stamp = stamps.get(entry.path);
    if (stamp === undefined) continue;
    const directory = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf("/")));
    const listed = walkEntry(entry, stamp);
    const others = found.get(directory);
    if (others === undefined) found.set(directory, [listed]);
    else others.push(listed);
  }
  return found;
}

function walkEntry({ path, kind, mode, link_target }: BaselineEntry, stamp: GuestStamp): WalkEntry {
  const { size, ...rest } = stamp;
  return { path, kind, mode: mode & SEEDED_BITS, size_bytes: Number(size), link_target, ...rest };
}
