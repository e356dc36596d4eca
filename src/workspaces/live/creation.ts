/** The beginning of a workspace: its image, its disk, its machine, its seed, and the baseline that all resets go back to. */
import { randomBytes } from "node:crypto";
import { failpoint } from "../../platform/failpoint.ts";
import type { DiskLayer, WorkspaceSeed } from "../../store/workspace-record.ts";
import type { WorkContext } from "../machine-source.ts";
import { hostCompatWarning } from "../one-shot.ts";
import { openSeed } from "../seed/open.ts";
import type { LiveWorkspace } from "./live-workspace.ts";
import { seedTree } from "./seeding.ts";
import { withLayerOnTop } from "./snapshots.ts";

export interface CreateInput {
  /** Absolute host path of a directory or archive; null for nothing */
  readonly seed_path: string | null;
}

/** An identifier of a workspace. */
export function newWorkspaceId(): string {
  return `ws-${randomBytes(6).toString("hex")}`;
}

/** Makes the workspace of a record with the intent to create it. What it has made belongs to the workspace's directory. */
export async function createWorkspace(workspace: LiveWorkspace, input: CreateInput, context: WorkContext) {
  if (workspace.disk === undefined) await context.emit({ type: "warning", message: hostCompatWarning });
  const { digest, env } = await workspace.source.image(workspace.record.environment, context);
  workspace.change({ image: { digest, env } });
  workspace.beginHistory();
  const layers = await firstLayers(workspace, input, context.signal);
  await failpoint("create.disk_cloned");
  await workspace.open(layers, context);
  await failpoint("create.hello");
  const baseline: DiskLayer[] = layers.slice(0, 1);
  let seed: WorkspaceSeed | null = null;
  let kept: readonly DiskLayer[] = layers;
  if (input.seed_path !== null) {
    const { paths } = workspace.host.store;
    paths.prepareCache();
    const source = await openSeed(input.seed_path, { paths, env: workspace.host.env, signal: context.signal });
    seed = await seedTree(workspace, source, context);
    await failpoint("create.seed_commit");
    if (workspace.disk !== undefined)
      await withLayerOnTop(workspace, layers, context.signal, (now) => {
        kept = now;
      });
  }
  const created_at = workspace.record.created_at;
  workspace.change({
    layers: [...kept],
    baseline: workspace.disk === undefined ? null : { name: "baseline", created_at, layers: baseline },
    seed,
    intent: null,
  });
  await failpoint("create.record_ready");
}

/** An empty workspace's baseline is a disk as it is when it is new; a seed goes into the lowest layer itself. */
async function firstLayers(workspace: LiveWorkspace, input: CreateInput, signal: AbortSignal): Promise<DiskLayer[]> {
  if (workspace.disk === undefined) return [];
  const base = await workspace.disk.make("journaled", signal);
  return input.seed_path === null ? [base, await workspace.disk.make("layer", signal)] : [base];
}
