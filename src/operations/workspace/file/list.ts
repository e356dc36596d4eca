/** `pyro workspace file list`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";
import { fileListing, listCursor, listSize } from "./fields.ts";

export const workspaceFileList = operation({
  names: { cli: "workspace file list", sdk: "listWorkspaceFiles", mcp: "workspace_file_list" },
  summary: "List files of a workspace",
  description: "Lists one directory, or everything below it. Symlinks are shown and never followed.",
  example: "pyro workspace file list fix src --recursive",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.default("/workspace").describe("Directory, absolute below /workspace or relative to it"),
    recursive: z.boolean().default(false).describe("List what lies deeper too"),
    cursor: listCursor,
    max_entries: listSize,
  }),
  output: fileListing,
  errors: [...new Set([...callErrors, ...pathErrors])],
  positional: ["workspace_id", "path"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "listFiles", input, { signal, emit }),
});
