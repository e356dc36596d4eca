/** Starts the process that keeps a workspace. */
import { join } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { startDetached } from "../platform/detached.ts";
import { packageRoot } from "../platform/package-root.ts";
import type { WorkspacePaths } from "../store/paths.ts";
import { errorOfAnswer } from "./call.ts";

/** Makes somebody keep the workspace with these paths and this id; resolves when its calls are answered. */
export type Launch = (workspace_id: string, paths: WorkspacePaths) => Promise<void>;

/** In a process of its own, which outlives this one. */
export const launchProcess: Launch = async (workspace_id, paths) => {
  const script = join(packageRoot(), "dist", "keeper.js");
  const said = await startDetached(script, [workspace_id], paths.keeperLog);
  if (said === "ready") return;
  if (said !== "") throw errorOfAnswer(JSON.parse(said));
  throw new PyroError("keeper_lost", `The process that was to keep "${workspace_id}" ended before it was ready`, {
    hint: `Look at ${paths.keeperLog}`,
    details: { log: paths.keeperLog },
  });
};
