/** Snapshots of a workspace's disk, and the way back to them: layers that are put on top and taken away. */
import { PyroError } from "../../contract/errors.ts";
import { failpoint } from "../../platform/failpoint.ts";
import { remove } from "../../platform/files.ts";
import type { DiskLayer, Snapshot } from "../../store/workspace-record.ts";
import type { WorkContext } from "../machine-source.ts";
import type { LiveWorkspace } from "./live-workspace.ts";
import { seedAgain } from "./seeding.ts";

/** How long a disk may be held still for a snapshot, in milliseconds. */
const STILL_MS = 10_000;
/** The snapshot that every workspace has. */
const BASELINE = "baseline";

export interface SnapshotView {
  readonly name: string;
  readonly created_at: string;
  readonly is_baseline: boolean;
}

/**
 * Puts an empty layer on top of the running machine's disk. While the disk is still, `record` is told the layers as they are from then on;
 * what the guest writes later goes to the new one.
 */
async function withLayerOnTop(
  workspace: LiveWorkspace,
  layers: readonly DiskLayer[],
  signal: AbortSignal,
  record: (layers: readonly DiskLayer[]) => void,
): Promise<void> {
  const disk = workspace.disk;
  if (disk === undefined) throw withoutDisk("be held still");
  const { session } = workspace;
  const layer = await disk.make("layer", signal);
  const file = disk.open(layer);
  let isUnrecorded = false;
  try {
    await session.whileStill(STILL_MS, async () => {
      await failpoint("snapshot.quiesce");
      isUnrecorded = true;
      await session.addLayer(file);
      await failpoint("snapshot.copied");
      record([...layers, layer]);
      isUnrecorded = false;
      await failpoint("snapshot.recorded");
    });
    await failpoint("snapshot.resumed");
  } catch (thrown) {
    // What the guest writes from here on could not be found again.
    if (isUnrecorded) await workspace.close();
    else await session.thaw().catch(() => {});
    throw thrown;
  } finally {
    file.close();
  }
}

/** Keeps the disk as it is under a name. */
export function createSnapshot(workspace: LiveWorkspace, { name }: { name: string }, context: WorkContext) {
  return workspace.order.replace(context.signal, async (): Promise<SnapshotView> => {
    refuseTaken(workspace, name);
    const layers = workspace.record.layers;
    const snapshot: Snapshot = { name, created_at: new Date().toISOString(), layers };
    const others = workspace.record.snapshots;
    try {
      // On record before the disk moves again, so that a snapshot that was lost has lost nothing else.
      await withLayerOnTop(workspace, layers, context.signal, (now) =>
        workspace.change({ layers: [...now], snapshots: [...others, snapshot] }),
      );
    } catch (thrown) {
      // The disk may have moved before it was cut off.
      if (workspace.record.snapshots !== others) workspace.change({ snapshots: others });
      throw thrown;
    }
    workspace.noteActivity();
    workspace.journal.note({ kind: "snapshot", name, is_deleted: false });
    return viewOf(snapshot);
  });
}

/** Every snapshot, the baseline first. */
export function listSnapshots({ record }: Pick<LiveWorkspace, "record">): SnapshotView[] {
  const baseline = { name: BASELINE, created_at: record.baseline?.created_at ?? record.created_at, is_baseline: true };
  return [baseline, ...record.snapshots.map(viewOf)];
}

/** Forgets a snapshot; layers that nothing else lies on are removed. */
export function deleteSnapshot(workspace: LiveWorkspace, { name }: { name: string }, { signal }: WorkContext) {
  return workspace.order.change(signal, async (): Promise<SnapshotView> => {
    if (name === BASELINE)
      throw new PyroError("snapshot_protected", `The snapshot "${BASELINE}" is what every reset can go back to`);
    const snapshot = find(workspace, name);
    workspace.change({ snapshots: workspace.record.snapshots.filter((other) => other !== snapshot) });
    workspace.disk?.sweep(workspace.record);
    workspace.noteActivity();
    workspace.journal.note({ kind: "snapshot", name, is_deleted: true });
    return viewOf(snapshot);
  });
}

/** Gives the workspace a new machine, on the disk as it was. Its history begins anew. */
export function resetWorkspace(workspace: LiveWorkspace, snapshot: string, context: WorkContext): Promise<void> {
  return workspace.order.replace(context.signal, async () => {
    const target = targetOf(workspace, snapshot);
    const layer = await workspace.disk?.make("layer", context.signal);
    await failpoint("reset.intent");
    const closed = workspace.close();
    const layers = layer === undefined ? [] : [...target, layer];
    const old = workspace.paths.history(workspace.record.reset_count);
    workspace.change({
      layers,
      reset_count: workspace.record.reset_count + 1,
      last_reset_at: new Date().toISOString(),
      failure: null,
    });
    await failpoint("reset.disk_swapped");
    workspace.beginHistory();
    await workspace.open(layers, { ...context, signal: new AbortController().signal });
    await closed;
    await failpoint("reset.booted");
    if (workspace.disk === undefined) await seedAgain(workspace, context);
    workspace.disk?.sweep(workspace.record);
    remove(old);
    workspace.noteActivity();
  });
}

function targetOf(workspace: LiveWorkspace, name: string): readonly DiskLayer[] {
  const { baseline } = workspace.record;
  if (name !== BASELINE) return find(workspace, name).layers;
  if (baseline === null && workspace.disk !== undefined)
    throw new PyroError("internal_error", "A workspace with a disk has no baseline");
  return baseline?.layers ?? [];
}

function find({ record }: LiveWorkspace, name: string): Snapshot {
  const snapshot = record.snapshots.find((one) => one.name === name);
  if (snapshot !== undefined) return snapshot;
  throw new PyroError("snapshot_not_found", `"${record.workspace_id}" has no snapshot "${name}"`, {
    hint: `pyro workspace snapshot list ${record.workspace_id}`,
    details: { snapshot_name: name },
  });
}

function refuseTaken({ record }: LiveWorkspace, name: string): void {
  if (name !== BASELINE && record.snapshots.every((one) => one.name !== name)) return;
  throw new PyroError("snapshot_name_taken", `"${record.workspace_id}" has a snapshot "${name}" already`, {
    hint: "Choose another name, or delete that one",
    details: { snapshot_name: name },
  });
}

function withoutDisk(what: string): PyroError {
  return new PyroError("not_available", `A cage on the host's own kernel has no disk that could ${what}`, {
    hint: "Create the workspace without --allow-host-compat",
  });
}

function viewOf({ name, created_at }: Snapshot): SnapshotView {
  return { name, created_at, is_baseline: false };
}
