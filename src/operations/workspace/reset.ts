/** `pyro workspace reset`: the whole sandbox as it was. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { startErrors } from "../start-errors.ts";
import { callErrors, status, workspaceField } from "./fields.ts";

export const workspaceReset = operation({
  names: { cli: "workspace reset", sdk: "resetWorkspace", mcp: "workspace_reset" },
  summary: "Return the whole sandbox to its baseline or a snapshot",
  description:
    "Files, installed packages, /tmp and processes are as they were then. Id, name, labels and snapshots stay; the history of commands begins anew.",
  example: "pyro workspace reset fix",
  effect: "destroy",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    snapshot: workspaceField.snapshot.default("baseline").describe("Snapshot to return to"),
  }),
  output: status,
  errors: [...new Set([...startErrors, ...callErrors, "snapshot_not_found" as const, "secrets_unreadable" as const])],
  positional: ["workspace_id"],
  handle: ({ workspace_id, snapshot }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "reset", { snapshot }, { signal, emit }),
});
