/** `pyro workspace logs`: the history of commands, and what they printed. */
import { z } from "zod";
import { outcomeKinds } from "../../contract/outcome.ts";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

export const workspaceLogs = operation({
  names: { cli: "workspace logs", sdk: "logsWorkspace", mcp: "workspace_logs" },
  summary: "Show the commands of a workspace and what they printed",
  description:
    "Without --sequence every command since the last reset with its last lines, with it the output of one. " +
    "Output is kept on this machine, up to 32 MiB for a workspace, also while it is stopped.",
  example: "pyro workspace logs fix --sequence 3 --tail-lines 50",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    sequence: z.int().min(1).optional().describe("Number of the command"),
    cursor: z.int().min(0).optional().describe("Where to begin in its output"),
    max_chars: z.int().min(1).max(1_048_576).optional().describe("Most of its output in one answer, 65536 by default"),
    tail_lines: z.int().min(0).max(100_000).optional().describe("Only the last lines"),
    grep: z.string().min(1).max(1_024).optional().describe("Only lines that match this regular expression"),
  }),
  output: z.strictObject({
    commands: z
      .array(
        z.strictObject({
          sequence: z.int().describe("Number of the command"),
          command: z.array(z.string()).describe("Program and arguments"),
          cwd: z.string().describe("Directory it ran in"),
          state: z.enum(["running", "finished"]).describe("Whether it still runs"),
          exit_code: z.int().nullable().describe("Exit status; null while it runs"),
          outcome_kind: z.enum(outcomeKinds).nullable().describe("Why it ended; null while it runs"),
          started_at: z.string().describe("When it was started"),
          duration_ms: z.int().nullable().describe("How long it took; null while it runs"),
          timed_out: z.boolean().describe("It was stopped at its timeout"),
          stdout_bytes: z.int().describe("Length of its standard output"),
          stderr_bytes: z.int().describe("Length of its standard error"),
          truncated: z.boolean().describe("Some of its output is not kept"),
          last_lines: z.string().describe("Its last lines of output"),
        }),
      )
      .describe("The commands, oldest first; the one that was asked for"),
    output: z.string().describe("Output of that command, both streams in their order"),
    cursor: z.int().describe("Where this output begins"),
    next_cursor: z.int().describe("Where the next begins"),
    truncated: z.boolean().describe("There is more, or some of it is not kept"),
  }),
  errors: [...callErrors, "command_not_recorded"],
  positional: ["workspace_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.logs(workspace_id, input, { signal, emit }),
});
