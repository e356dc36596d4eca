/** `pyro workspace shell list`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shell } from "./fields.ts";

export const shellList = operation({
  names: { cli: "workspace shell list", sdk: "listShells", mcp: "shell_list" },
  summary: "List the shells of a workspace",
  description: "Those that are open, and the last that have ended and can still be read.",
  example: "pyro workspace shell list fix",
  effect: "read",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: z.strictObject({ shells: z.array(shell).describe("Its shells, oldest first") }),
  errors: [...callErrors],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "listShells", {}, { signal, emit }),
});
