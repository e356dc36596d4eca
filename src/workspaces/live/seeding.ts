/** Carries a seed into a machine, and keeps the host's own copy of it. */
import { basename, join } from "node:path";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { ensureDirectory } from "../../platform/directories.ts";
import { failpoint } from "../../platform/failpoint.ts";
import { listDirectory, remove } from "../../platform/files.ts";
import type { WorkspaceSeed } from "../../store/workspace-record.ts";
import { walkTree } from "../../wire/tree-walk.ts";
import { writeTree } from "../../wire/tree-write.ts";
import { BaselineRecording } from "../baseline/recording.ts";
import { type GuestStamp, writeStamps } from "../baseline/stamps.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import type { WorkContext } from "../machine-source.ts";
import type { SeedSource, SeedSummary } from "../seed/source.ts";
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

/** Carries a seed into the machine and keeps the host's own copy of it. */
export async function seedTree(
  workspace: LiveWorkspace,
  source: SeedSource,
  context: WorkContext,
): Promise<WorkspaceSeed> {
  ensureDirectory(workspace.paths.baseline);
  const recording = new BaselineRecording(workspace.paths.baseline);
  try {
    const written = await workspace.useTree((tree) => {
      const entries = recording.pass(counted(source.entries, "Seeding", context));
      return writeTree(
        tree.agent,
        { root: tree.root, dest: "", replace: false },
        entries,
        treeCall(tree, context.signal),
      );
    });
    // The host makes its copy durable while the guest lists its own.
    const finished = recording.finish();
    const stamps = workspace.useTree((tree) => stampsOf(tree, context.signal));
    const [baseline] = await Promise.all([finished, stamps]);
    baseline.close();
    writeStamps(workspace.paths.baseline, await stamps);
    const { origin_kind, origin_ref, commit } = await tellSummary(source, context);
    return { origin_kind, origin_ref, commit, entry_count: written.entries, bytes_written: written.bytes };
  } catch (thrown) {
    recording.discard();
    throw thrown;
  }
}

/** Seeds a machine from the host's copy, where no disk has kept it. */
export async function seedAgain(workspace: LiveWorkspace, context: WorkContext): Promise<void> {
  const baseline = workspace.baseline();
  if (baseline === undefined) return;
  await workspace.useTree(async (tree) => {
    const request = { root: tree.root, dest: "", replace: false };
    await writeTree(tree.agent, request, baseline.source(), treeCall(tree, context.signal));
    writeStamps(workspace.paths.baseline, await stampsOf(tree, context.signal));
  });
}

/** What the guest says of every path now. */
async function stampsOf(tree: GuestTree, signal: AbortSignal): Promise<Map<string, GuestStamp>> {
  const stamps = new Map<string, GuestStamp>();
  const request = { root: tree.root, path: "", recursive: true, max_entries: 1_000_000 };
  const note = (entries: Parameters<Parameters<typeof walkTree>[2]>[0]) => {
    for (const { path, size_bytes, mtime_ns, ctime_ns, inode } of entries)
      stamps.set(path, { size: String(size_bytes), mtime_ns, ctime_ns, inode });
  };
  await walkTree(tree.agent, request, note, treeCall(tree, signal));
  return stamps;
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
