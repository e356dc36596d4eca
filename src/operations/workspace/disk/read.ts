/** `pyro workspace disk read`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { startErrors } from "../../start-errors.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";
import { fileContent, readFields } from "../file/fields.ts";

export const workspaceDiskRead = operation({
  names: { cli: "workspace disk read", sdk: "readWorkspaceDisk", mcp: "workspace_disk_read" },
  summary: "Read a file of a stopped workspace, anywhere on its disk",
  description: "A machine of its own looks at the disk and writes nothing to it; no program of the workspace runs.",
  example: "pyro workspace disk read fix /etc/hostname --content-only",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.describe("File, absolute or relative to the root"),
    ...readFields,
  }),
  output: fileContent,
  errors: [
    ...new Set([
      ...callErrors,
      ...startErrors,
      ...pathErrors,
      "workspace_running" as const,
      "secrets_unreadable" as const,
      "file_is_binary" as const,
    ]),
  ],
  positional: ["workspace_id", "path"],
  only: { "content-only": "content" },
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.disks.read(workspace_id, input, { signal, emit }),
});
