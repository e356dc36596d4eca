/** `pyro workspace stop`. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, status, workspaceField } from "./fields.ts";

export const workspaceStop = operation({
  names: { cli: "workspace stop", sdk: "stopWorkspace", mcp: "workspace_stop" },
  summary: "Stop a workspace and keep its disk",
  description: "What the guest has in memory is written back first. Commands, shells and services end.",
  example: "pyro workspace stop fix",
  effect: "write",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: status,
  errors: [...callErrors, "workspace_running"],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) => engine.workspaces.stop(workspace_id, { signal, emit }),
});
