/** `pyro workspace start`. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { startErrors } from "../start-errors.ts";
import { callErrors, status, workspaceField } from "./fields.ts";

export const workspaceStart = operation({
  names: { cli: "workspace start", sdk: "startWorkspace", mcp: "workspace_start" },
  summary: "Start a stopped or crashed workspace on its disk as it is",
  description:
    "Files are as they were. Shells, services and commands are not brought back. One that runs stays as it is.",
  example: "pyro workspace start fix",
  effect: "write",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: status,
  errors: [...new Set([...startErrors, ...callErrors]), "secrets_unreadable", "insufficient_memory"],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) => engine.workspaces.start(workspace_id, { signal, emit }),
});
