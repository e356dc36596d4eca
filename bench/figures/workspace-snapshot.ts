/** Making a snapshot, of a large tree and of none. */
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs } from "../timing.ts";
import { type BenchWorkspace, SEED_FILES, withSeed, withWorkspace } from "../workspaces.ts";

/** The time to make one, after something was written; each is deleted again. */
async function snapshots({ pyro, workspace_id }: BenchWorkspace, { runs, signal }: BenchContext): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < runs; at += 1) {
    signal.throwIfAborted();
    const snapshot_name = `s${at}`;
    await pyro.writeWorkspaceFile({ workspace_id, path: "written", text: snapshot_name });
    times.push(await elapsedMs(() => pyro.createSnapshot({ workspace_id, snapshot_name })));
    await pyro.resetWorkspace({ workspace_id });
    await pyro.deleteSnapshot({ workspace_id, snapshot_name });
  }
  return times;
}

export const workspaceSnapshot: Figure = {
  name: "workspace-snapshot",
  title: `snapshot of a workspace with ${SEED_FILES} files`,
  unit: "ms",
  target: { at_most: 500 },
  async measure(context) {
    const values = await withSeed(context, SEED_FILES, (path) =>
      withWorkspace(context, path, (workspace) => snapshots(workspace, context)),
    );
    const empty = await withWorkspace(context, undefined, (workspace) => snapshots(workspace, context));
    return { values, parts: [{ name: "of an empty one", unit: "ms", values: empty }] };
  },
};
