/** `pyro workspace snapshot list`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { snapshot } from "./fields.ts";

export const snapshotList = operation({
  names: { cli: "workspace snapshot list", sdk: "listSnapshots", mcp: "snapshot_list" },
  summary: "List the snapshots of a workspace",
  description: "The baseline comes first. Works on a stopped workspace too.",
  example: "pyro workspace snapshot list fix",
  effect: "read",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: z.strictObject({ snapshots: z.array(snapshot).describe("Its snapshots, oldest first") }),
  errors: [...callErrors],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine }) => engine.workspaces.snapshots(workspace_id),
});
