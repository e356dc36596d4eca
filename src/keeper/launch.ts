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
export const launchProcess: Launch = (workspace_id, paths) =>
  launchScript(join(packageRoot(), "dist", "keeper.js"), [workspace_id], paths);

/** The same with any script that keeps the workspace its last argument names. */
export async function launchScript(script: string, args: readonly string[], paths: WorkspacePaths): Promise<void> {
  const said = await startDetached(script, args, paths.keeperLog);
  if (said === "ready") return;
  if (said !== "") throw errorOfAnswer(JSON.parse(said));
  throw new PyroError("keeper_lost", `The process that was to keep "${args.at(-1)}" ended before it was ready`, {
    hint: `Look at ${paths.keeperLog}`,
    details: { log: paths.keeperLog },
  });
}
