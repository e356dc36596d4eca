/** `pyro workspace snapshot delete`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { snapshot } from "./fields.ts";

export const snapshotDelete = operation({
  names: { cli: "workspace snapshot delete", sdk: "deleteSnapshot", mcp: "snapshot_delete" },
  summary: "Forget a snapshot",
  description: "The workspace itself does not change. The baseline cannot be deleted.",
  example: "pyro workspace snapshot delete fix before-upgrade",
  effect: "destroy",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    snapshot_name: workspaceField.snapshot.describe("Name of the snapshot"),
  }),
  output: snapshot,
  errors: [...callErrors, "snapshot_not_found", "snapshot_protected"],
  positional: ["workspace_id", "snapshot_name"],
  handle: ({ workspace_id, snapshot_name }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "deleteSnapshot", { name: snapshot_name }, { signal, emit }),
});
