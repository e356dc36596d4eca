/** `pyro workspace delete`: a workspace and all that belongs to it. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

export const workspaceDelete = operation({
  names: { cli: "workspace delete", sdk: "deleteWorkspace", mcp: "workspace_delete" },
  summary: "Delete a workspace and everything in it",
  description: "Its machine, disk, snapshots and history are gone. A damaged one is deleted by its id as well.",
  example: "pyro workspace delete fix",
  effect: "destroy",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: z.strictObject({ workspace_id: z.string().describe("Identifier of what was deleted") }),
  errors: [...callErrors, "workspace_running"],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) => engine.workspaces.delete(workspace_id, { signal, emit }),
});
