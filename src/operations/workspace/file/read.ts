/** `pyro workspace file read`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";
import { fileContent, readFields } from "./fields.ts";

export const workspaceFileRead = operation({
  names: { cli: "workspace file read", sdk: "readWorkspaceFile", mcp: "workspace_file_read" },
  summary: "Read a file of a workspace",
  description:
    "A symlink is followed where it stays below /workspace. What is not UTF-8 text is refused unless it is asked for in base64.",
  example: "pyro workspace file read fix src/main.ts --content-only",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.describe("File, absolute below /workspace or relative to it"),
    ...readFields,
  }),
  output: fileContent,
  errors: [...new Set([...callErrors, ...pathErrors, "file_is_binary" as const])],
  positional: ["workspace_id", "path"],
  only: { "content-only": "content" },
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "readFile", input, { signal, emit }),
});
