/** When a workspace was last changed: noted by a file's time alone. */
import { changedAt } from "../../platform/named-files.ts";
import type { WorkspacePaths } from "../../store/paths.ts";
import type { WorkspaceRecord } from "../../store/workspace-record.ts";

/** Time of a workspace's last change. */
export function lastActivity({ created_at }: WorkspaceRecord, { activity }: WorkspacePaths): string {
  const at = changedAt(activity);
  return at === undefined ? created_at : new Date(at).toISOString();
}
