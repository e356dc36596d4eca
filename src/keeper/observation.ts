/** Whether a workspace runs: seen by asking, never by what is written down. */
import { toPyroError } from "../contract/errors.ts";
import { listDirectory } from "../platform/files.ts";
import type { WorkspacePaths } from "../store/paths.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { lastActivity } from "../workspaces/live/live-workspace.ts";
import type { Observed, WorkspaceStatus } from "../workspaces/workspace-view.ts";
import { callKeeper } from "./control-client.ts";

/** How long a keeper may take to say how it is, in milliseconds. */
const ANSWER_MS = 2_000;

export type Observation =
  | { readonly kept_by: "keeper"; readonly status: WorkspaceStatus }
  | { readonly kept_by: "nobody"; readonly seen: Observed };

/** Asks the keeper, where there is one. */
export async function observe(record: WorkspaceRecord, paths: WorkspacePaths): Promise<Observation> {
  const seen = {
    execution_mode: null,
    command_count: commandCount(record, paths),
    last_activity_at: lastActivity(record, paths),
  };
  try {
    const options = { signal: AbortSignal.timeout(ANSWER_MS), emit: () => {} };
    const answer = await callKeeper(paths.directory, "status", {}, options);
    if (answer !== undefined) return { kept_by: "keeper", status: answer.result as WorkspaceStatus };
  } catch (thrown) {
    const { code, message } = toPyroError(thrown);
    const failure = { code, message: code === "cancelled" ? "its keeper does not answer" : message };
    return { kept_by: "nobody", seen: { ...seen, state: "failed", failure } };
  }
  if (record.wanted === "stopped") return { kept_by: "nobody", seen: { ...seen, state: "stopped", failure: null } };
  const failure = record.failure ?? { code: "keeper_lost", message: "the process that kept it ended" };
  return { kept_by: "nobody", seen: { ...seen, state: "failed", failure } };
}

/** Commands that its history has. */
function commandCount({ reset_count }: WorkspaceRecord, paths: WorkspacePaths): number {
  return listDirectory(paths.commands(reset_count)).filter((name) => /^\d+\.json$/.test(name)).length;
}
