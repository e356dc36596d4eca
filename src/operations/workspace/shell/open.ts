/** `pyro workspace shell open`: a shell on a terminal, which stays open. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shell, shellField } from "./fields.ts";

export const shellOpen = operation({
  names: { cli: "workspace shell open", sdk: "openShell", mcp: "shell_open" },
  summary: "Open a shell in a workspace",
  description:
    "Starts bash, or sh where there is none, on a terminal of its own, for programs that ask, draw or go on. It lives until it ends, is closed, " +
    "or the workspace is reset or stopped, whoever opened it. What it prints is kept, and is read from any cursor by anybody.",
  example: "pyro workspace shell open fix",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    cwd: workspaceField.path
      .default("/workspace")
      .describe("Directory to start in; a relative one is below /workspace"),
    cols: shellField.cols.default(120),
    rows: shellField.rows.default(30),
    secret_env: workspaceField.secretEnv,
  }),
  output: shell,
  errors: [
    ...callErrors,
    "too_many_shells",
    "no_shell",
    "command_not_found",
    "command_not_executable",
    "secret_not_found",
    "secret_invalid",
  ],
  positional: ["workspace_id"],
  map_flags: { secret_env: { alone: "itself" } },
  only: { "id-only": "shell_id" },
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "openShell", input, { signal, emit }),
});
