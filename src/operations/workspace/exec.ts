/** `pyro workspace exec`: a command in a running workspace. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { outcome } from "../../contract/outcome.ts";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

export const workspaceExec = operation({
  names: { cli: "workspace exec", sdk: "execWorkspace", mcp: "workspace_exec" },
  summary: "Run a command in a workspace",
  description:
    "Runs in /workspace and waits for the command to end; output comes as it is printed. A non-zero exit code is a result, not an error. " +
    "outcome says why it ended. A detached command, or one that still runs after yield_after_seconds, is answered with state running and waited for with workspace wait.",
  example: "pyro workspace exec fix -- make test",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    command: field.command,
    timeout_seconds: field.timeoutSeconds,
    secret_env: workspaceField.secretEnv,
    detach: z.boolean().default(false).describe("Answer as soon as it runs, and let it run on"),
    yield_after_seconds: z
      .int()
      .min(1)
      .max(86_400)
      .optional()
      .describe("Answer after this long although it still runs, and let it run on"),
  }),
  output: z.strictObject({
    sequence: z.int().describe("Number of the command in the workspace's history"),
    state: z.enum(["running", "finished"]).describe("Whether it still runs"),
    cwd: z.string().describe("Directory it runs in"),
    exit_code: z
      .int()
      .nullable()
      .describe("Exit status: 128+N when signal N ended it, 124 when it timed out; null while it runs"),
    stdout: z.string().describe("Standard output, at most 1 MiB of its head and 256 KiB of its tail"),
    stderr: z.string().describe("Standard error, cut in the same way"),
    truncated: z.boolean().describe("stdout or stderr was cut; workspace logs has more"),
    duration_ms: z.int().describe("Time that it took, or has run"),
    timed_out: z.boolean().describe("It was stopped at timeout_seconds"),
    execution_mode: field.executionMode,
    outcome: outcome.nullable().describe("Why it ended; null while it runs"),
    cursor: z.int().describe("Where the output begins that is not in this answer"),
  }),
  errors: [
    ...callErrors,
    "command_not_found",
    "command_not_executable",
    "argument_too_long",
    "secret_not_found",
    "secret_invalid",
  ],
  positional: ["workspace_id", "command"],
  map_flags: { secret_env: { alone: "itself" } },
  passes_exit_status: true,
  stdin: "asked",
  handle: ({ workspace_id, ...input }, { engine, signal, emit, stdin }) =>
    engine.workspaces.call(workspace_id, "exec", input, { signal, emit, stdin }),
});
