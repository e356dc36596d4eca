/** The whole life of a keeper's process: takes one workspace, says that it is ready, and ends with it. */
import { toPyroError } from "../contract/errors.ts";
import { sayReady } from "../platform/detached.ts";
import type { WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import { endings } from "./endings.ts";
import { Keeper } from "./keeper.ts";

/** Keeps a workspace to its end, then exits. */
export async function keep(host: WorkspaceHost, workspace_id: string): Promise<void> {
  for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {});
  try {
    const keeper = await Keeper.begin(host, workspace_id);
    process.once("SIGTERM", () => void leave(keeper, workspace_id));
    sayReady("ready");
    await keeper.ended;
    process.exit(0);
  } catch (thrown) {
    sayReady(JSON.stringify(toPyroError(thrown).toJSON()));
    process.exit(1);
  }
}

/** As when the host shuts down: what the guest holds is written back, and why it does not run is put on record. */
async function leave(keeper: Keeper, workspace_id: string): Promise<void> {
  const why = endings.left(workspace_id, "it was told to");
  await keeper.workspace.stopServices(why.message);
  await keeper.workspace.cancelCommands(why.message);
  await keeper.workspace.flush().catch(() => {});
  await keeper.lost(why);
}
