/** `pyro workspace status`: one workspace. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, status, workspaceField } from "./fields.ts";

export const workspaceStatus = operation({
  names: { cli: "workspace status", sdk: "statusWorkspace", mcp: "workspace_status" },
  summary: "Show a workspace",
  description: "Whether it runs is seen by asking, not by what was written down.",
  example: "pyro workspace status fix",
  effect: "read",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: status,
  errors: [...callErrors],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine }) => engine.workspaces.status(workspace_id),
});
