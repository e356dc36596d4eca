/** `pyro workspace snapshot create`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { snapshot } from "./fields.ts";

export const snapshotCreate = operation({
  names: { cli: "workspace snapshot create", sdk: "createSnapshot", mcp: "snapshot_create" },
  summary: "Keep the whole disk of a workspace under a name",
  description: "Costs the same whatever the disk holds. Reset can return to it as often as needed.",
  example: "pyro workspace snapshot create fix before-upgrade",
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    snapshot_name: workspaceField.snapshot.describe("Name of the snapshot"),
  }),
  output: snapshot,
  errors: [...callErrors, "snapshot_name_taken", "not_available"],
  positional: ["workspace_id", "snapshot_name"],
  handle: ({ workspace_id, snapshot_name }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "createSnapshot", { name: snapshot_name }, { signal, emit }),
});
