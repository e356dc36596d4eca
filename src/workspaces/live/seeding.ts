/** Carries a seed into a machine, and keeps the host's own copy of it. */
import { once } from "node:events";
import { basename, join } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { ensureDirectory } from "../../platform/directories.ts";
import { failpoint } from "../../platform/failpoint.ts";
import { listDirectory, remove } from "../../platform/files.ts";
import type { DiskLayer, WorkspaceSeed } from "../../store/workspace-record.ts";
import { writeTree } from "../../wire/tree-write.ts";
import type { Baseline } from "../baseline/baseline.ts";
import { BaselineRecording } from "../baseline/recording.ts";
import { writeStamps } from "../baseline/stamps.ts";
import { describeTree } from "../diff/known.ts";
import type { DiskLayers } from "../disk-layers.ts";
import { treeCall } from "../guest-tree.ts";
import type { WorkContext } from "../machine-source.ts";
import type { SeedSource, SeedSummary, Skipped } from "../seed/source.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Files between two words on how far a seed has come. */
const PROGRESS_FILES = 200;
/** Paths that are named one by one when they are not in a seed. */
const NAMED_SKIPS = 20;

/** Puts a workspace's directory in order after whatever ended its last keeper: files that no record names go, its history has its place. */
export function tidy({ record, disk, paths }: LiveWorkspace): void {
  disk?.sweep(record);
  if (record.intent !== null) return;
  const history = paths.history(record.reset_count);
  ensureDirectory(history);
  for (const name of listDirectory(paths.directory))
    if (/^history-\d+$/.test(name) && name !== basename(history)) remove(join(paths.directory, name));
}

/** Puts a seed on a new disk, with which no machine has started yet, and keeps the host's own copy of it. */
export async function seedDisk(
  workspace: LiveWorkspace,
  disk: DiskLayers,
  source: SeedSource,
  context: WorkContext,
): Promise<{ seed: WorkspaceSeed; layer: DiskLayer }> {
  const { baseline, seed } = await keepSeed(workspace, source, context, (entries) => takeAll(entries, context.signal));
  try {
    return { seed, layer: await disk.makeFilled(baseline.archive, context.signal) };
  } finally {
    baseline.close();
  }
}

/** Takes all entries, and leaves off at once when that is cancelled, whatever is being waited for. */
async function takeAll(entries: AsyncIterable<SourceEntry>, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const take = async () => {
    for await (const _ of entries);
  };
  const leave = async () => {
    if (!signal.aborted) await once(signal, "abort", { signal: done.signal });
    throw new PyroError("cancelled", "cancelled while the seed was read");
  };
  try {
    await Promise.race([take(), leave()]);
  } finally {
    done.abort();
  }
}

/** Carries a seed into a machine whose files are gone with it, and keeps the host's own copy of it. */
export async function seedMachine(
  workspace: LiveWorkspace,
  source: SeedSource,
  context: WorkContext,
): Promise<WorkspaceSeed> {
  const { baseline, seed } = await keepSeed(workspace, source, context, (entries) =>
    workspace.useTree((tree) =>
      writeTree(tree.agent, { root: tree.root, dest: "", replace: false }, entries, treeCall(tree, context.signal)),
    ),
  );
  baseline.close();
  return seed;
}

/** Records what passes to `take`, which takes all of it. */
async function keepSeed(
  workspace: LiveWorkspace,
  source: SeedSource,
  context: WorkContext,
  take: (entries: AsyncIterable<SourceEntry>) => Promise<unknown>,
): Promise<{ baseline: Baseline; seed: WorkspaceSeed }> {
  ensureDirectory(workspace.paths.baseline);
  const recording = new BaselineRecording(workspace.paths.baseline);
  try {
    await take(recording.pass(counted(source.entries, "Seeding", context)));
    const baseline = await recording.finish();
    const { origin_kind, origin_ref, commit, dirty, lfs_pointer_count, skipped } = await tellSummary(source, context);
    const entry_count = baseline.entries.length;
    const bytes_written = baseline.entries.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    const left_out = countedByReason(skipped);
    const origin = { origin_kind, origin_ref, commit, dirty, left_out, lfs_pointer_count };
    return { baseline, seed: { ...origin, entry_count, bytes_written } };
  } catch (thrown) {
    recording.discard();
    throw thrown;
  }
}

function countedByReason(skipped: readonly Skipped[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reason } of skipped) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/** Keeps what the guest says of every path, by which a diff tells what it need not fetch; to be called before anybody can change one. */
export async function noteStamps(workspace: LiveWorkspace, signal: AbortSignal): Promise<void> {
  writeStamps(workspace.paths.baseline, await workspace.useTree((tree) => describeTree(tree, signal)));
}

/** Seeds a machine from the host's copy, where no disk has kept it. */
export async function seedAgain(workspace: LiveWorkspace, context: WorkContext): Promise<void> {
  const baseline = workspace.baseline();
  if (baseline === undefined) return;
  await workspace.useTree(async (tree) => {
    const request = { root: tree.root, dest: "", replace: false };
    await writeTree(tree.agent, request, baseline.source(), treeCall(tree, context.signal));
  });
  await noteStamps(workspace, context.signal);
}

/** The same entries, with a word now and then on how many have passed. */
export async function* counted(
  entries: AsyncIterable<SourceEntry>,
  doing: string,
  { emit }: WorkContext,
): AsyncGenerator<SourceEntry> {
  let done = 0;
  for await (const entry of entries) {
    yield entry;
    done += 1;
    await failpoint(`${doing.toLowerCase()}.half`);
    if (done % PROGRESS_FILES === 0)
      await emit({ type: "progress", stage: "files", message: `${doing} ${done} files`, done, unit: "files" });
  }
  // All of it is with the other side, and none of it in its place.
  await failpoint(`${doing.toLowerCase()}.staged`);
}

/** Says what is not in a seed though a reader would expect it. */
export async function tellSummary(source: SeedSource, { emit }: WorkContext): Promise<SeedSummary> {
  const summary = source.summary();
  for (const message of summary.notes) await emit({ type: "warning", message });
  for (const { path, reason } of summary.skipped.slice(0, NAMED_SKIPS))
    await emit({ type: "warning", message: `${showPath(path)} was left out: ${reason.replaceAll("_", " ")}` });
  const more = summary.skipped.length - NAMED_SKIPS;
  if (more > 0) await emit({ type: "warning", message: `${more} more were left out` });
  return summary;
}
