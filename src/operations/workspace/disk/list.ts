/** `pyro workspace disk list`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { startErrors } from "../../start-errors.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";
import { fileListing, listCursor, listSize } from "../file/fields.ts";

export const workspaceDiskList = operation({
  names: { cli: "workspace disk list", sdk: "listWorkspaceDisk", mcp: "workspace_disk_list" },
  summary: "List files of a stopped workspace, anywhere on its disk",
  description: "A machine of its own looks at the disk and writes nothing to it; no program of the workspace runs.",
  example: "pyro workspace disk list fix /var/log",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.default("/workspace").describe("Directory, absolute or relative to the root"),
    recursive: z.boolean().default(false).describe("List what lies deeper too"),
    cursor: listCursor,
    max_entries: listSize,
  }),
  output: fileListing,
  errors: [
    ...new Set([
      ...callErrors,
      ...startErrors,
      ...pathErrors,
      "workspace_running" as const,
      "secrets_unreadable" as const,
    ]),
  ],
  positional: ["workspace_id", "path"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.disks.list(workspace_id, input, { signal, emit }),
});
