/** `pyro workspace shell signal`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shell, shellField } from "./fields.ts";

export const shellSignal = operation({
  names: { cli: "workspace shell signal", sdk: "signalShell", mcp: "shell_signal" },
  summary: "Send a signal to what runs in a shell",
  description:
    "INT, QUIT, TSTP, USR1, USR2 and WINCH go to the program in the foreground, as from a keyboard; HUP, TERM, KILL and CONT to everything that the shell started, " +
    "and to itself.",
  example: "pyro workspace shell signal fix sh-0123abcd --signal INT",
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    shell_id: shellField.id,
    signal: z
      .enum(["INT", "TERM", "HUP", "QUIT", "KILL", "TSTP", "CONT", "USR1", "USR2", "WINCH"])
      .default("INT")
      .describe("Signal to send"),
  }),
  output: shell,
  errors: [...callErrors, "shell_not_found", "shell_exited"],
  positional: ["workspace_id", "shell_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "signalShell", input, { signal, emit }),
});
