/** `pyro workspace shell close`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shell, shellField } from "./fields.ts";

export const shellClose = operation({
  names: { cli: "workspace shell close", sdk: "closeShell", mcp: "shell_close" },
  summary: "Close a shell and end everything it started",
  description: "What it printed can still be read. One that has ended stays as it is.",
  example: "pyro workspace shell close fix sh-0123abcd",
  effect: "destroy",
  input: z.strictObject({ workspace_id: workspaceField.id, shell_id: shellField.id }),
  output: shell,
  errors: [...callErrors, "shell_not_found"],
  positional: ["workspace_id", "shell_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "closeShell", input, { signal, emit }),
});
