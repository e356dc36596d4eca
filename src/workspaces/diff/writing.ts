/** Makes the patch of carried changes: the text files first, then the binary ones. */
import type { CarriedChange } from "./carrying.ts";
import { countLines, type LineCounts, patchOf, type TreePair } from "./git-diff.ts";
import { diffLimits } from "./limits.ts";
import type { ObjectStore, StoredFile } from "./object-store.ts";

export interface PatchedTrees {
  readonly patch: string;
  readonly truncated: boolean;
  readonly additions: number;
  readonly deletions: number;
  /** By path as git has it: bytes, one character each */
  readonly counts: ReadonlyMap<string, LineCounts>;
}

/** Ends the filling of the store and has git write the patch. */
export async function writePatch(
  store: ObjectStore,
  carried: readonly CarriedChange[],
  max_bytes: number,
  signal: AbortSignal,
): Promise<PatchedTrees> {
  const pairs: TreePair[] = [];
  for (const isBinary of [false, true]) {
    const these = carried.filter((change) => change.isBinary === isBinary);
    if (these.length === 0) continue;
    const kind = isBinary ? "binary" : "text";
    const pair = { store: store.path, before: `${kind}-before`, after: `${kind}-after`, isBinary };
    await store.tree(
      pair.before,
      these.flatMap(({ before }) => present(before)),
    );
    await store.tree(
      pair.after,
      these.flatMap(({ after }) => present(after)),
    );
    pairs.push(pair);
  }
  await store.finish();
  const text = pairs.find(({ isBinary }) => !isBinary);
  const [counts, patch] = await bothEnded(
    text === undefined ? Promise.resolve(new Map<string, LineCounts>()) : countLines(text, signal),
    patchesOf(pairs, Math.min(max_bytes, diffLimits.longest_patch_bytes), signal),
  );
  const sum = (of: keyof LineCounts) => [...counts.values()].reduce((total, each) => total + each[of], 0);
  return { ...patch, additions: sum("additions"), deletions: sum("deletions"), counts };
}

/** Waits for both even where one fails, so that nothing runs on in a store that is gone. */
async function bothEnded<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

async function patchesOf(
  pairs: readonly TreePair[],
  max_bytes: number,
  signal: AbortSignal,
): Promise<{ patch: string; truncated: boolean }> {
  let patch = "";
  let left = max_bytes;
  for (const pair of pairs) {
    const { text, bytes, truncated } = await patchOf(pair, left, signal);
    patch += text;
    left -= bytes;
    if (truncated) return { patch, truncated };
  }
  return { patch, truncated: false };
}

function present(file: StoredFile | undefined): StoredFile[] {
  return file === undefined ? [] : [file];
}
