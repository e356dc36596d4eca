/** `pyro workspace update`: name, labels and time to live. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { callErrors, status, workspaceField } from "./fields.ts";

export const workspaceUpdate = operation({
  names: { cli: "workspace update", sdk: "updateWorkspace", mcp: "workspace_update" },
  summary: "Change a workspace's name, labels or time to live",
  description: "What is not named stays as it is. Labels are added to those it has.",
  example: "pyro workspace update fix --label state=review",
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    name: workspaceField.name.optional().describe("New name"),
    clear_name: z.boolean().default(false).describe("Take its name away"),
    label: workspaceField.labels.optional().describe("Label to set, as KEY=VALUE"),
    remove_label: z.array(z.string()).optional().describe("Label to take away"),
    ttl_seconds: field.ttlSeconds(86_400).unwrap().optional().describe("Remove it after this many seconds from now"),
  }),
  output: status,
  errors: [...callErrors, "workspace_running", "workspace_name_taken"],
  positional: ["workspace_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.update(workspace_id, input, { signal, emit }),
});
