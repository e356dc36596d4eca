/** `pyro workspace shell read`: what a shell printed, from a cursor on. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";
import { shellField } from "./fields.ts";

export const shellRead = operation({
  names: { cli: "workspace shell read", sdk: "readShell", mcp: "shell_read" },
  summary: "Read what a shell printed",
  description:
    "Takes nothing away: the same cursor gives the same again, to anybody. Without --plain the output has the escape sequences of the program. " +
    "With it, it has the lines that a person would see to have come or changed since the cursor, or the whole screen of a program that takes all of it; " +
    "cursors count raw characters all the same.",
  example: "pyro workspace shell read fix sh-0123abcd --plain --wait-for-idle-ms 300",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    shell_id: shellField.id,
    cursor: z.int().min(0).default(0).describe("Where to begin: 0, or next_cursor of an earlier answer"),
    max_chars: z.int().min(1).max(1_048_576).default(65_536).describe("Most raw characters to read"),
    plain: z.boolean().default(false).describe("Give lines as a person would see them"),
    wait_for_idle_ms: z
      .int()
      .min(1)
      .max(30_000)
      .optional()
      .describe("Wait until nothing was printed for this long, or the shell has ended, at most 30 s"),
  }),
  output: z.strictObject({
    output: z.string().describe("What was printed"),
    cursor: z.int().describe("Where this output begins"),
    next_cursor: z.int().describe("Where the next begins"),
    truncated: z.boolean().describe("Some of what was asked for is not kept"),
    state: z.enum(["running", "exited"]).describe("Whether the shell runs"),
    exit_code: z.int().nullable().describe("Its exit status; null while it runs, and where it was closed"),
  }),
  errors: [...callErrors, "shell_not_found"],
  positional: ["workspace_id", "shell_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "readShell", input, { signal, emit }),
});
