/** `pyro workspace wait`: until a command ends, a port answers, a line is printed. */
import { z } from "zod";
import { outcome } from "../../contract/outcome.ts";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

export const workspaceWait = operation({
  names: { cli: "workspace wait", sdk: "waitWorkspace", mcp: "workspace_wait" },
  summary: "Wait for something in a workspace",
  description:
    "Waits for one thing: the end of a command, a port or address that answers, a line of output, a file, or silence. " +
    "A timeout is an answer, not an error. --sequence beside another condition says whose output or end it is about; otherwise it is the newest command's.",
  example: "pyro workspace wait fix --sequence 3",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    sequence: z.int().min(1).optional().describe("Number of the command"),
    port: z.int().min(1).max(65_535).optional().describe("Port in the guest that takes connections"),
    http: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe("Address on the guest's localhost that answers with 2xx or 3xx"),
    log: z.string().min(1).max(1_024).optional().describe("Regular expression that a line of output matches"),
    file: z.string().min(1).max(2_048).optional().describe("Path in the guest that exists"),
    quiet_ms: z.int().min(1).max(3_600_000).optional().describe("Time without output of the command"),
    cursor: z.int().min(0).optional().describe("Where the output begins that the answer has"),
    timeout_seconds: z.int().min(1).max(86_400).default(45).describe("Answer after this long in any case"),
  }),
  output: z.strictObject({
    reason: z.enum(["matched", "timeout", "target_died"]).describe("Why the wait is over"),
    last_seen: z.string().describe("What was there at the last look"),
    waited_ms: z.int().describe("How long it took"),
    sequence: z.int().nullable().describe("The command whose output this is"),
    state: z.enum(["running", "finished"]).nullable().describe("Whether that runs"),
    exit_code: z.int().nullable().describe("Its exit status"),
    outcome: outcome.nullable().describe("Why it ended"),
    output: z.string().describe("Its output from the cursor on"),
    cursor: z.int().describe("Where this output begins"),
    next_cursor: z.int().describe("Where the next begins"),
    truncated: z.boolean().describe("There is more, or some of it is not kept"),
  }),
  errors: [...callErrors, "command_not_recorded"],
  positional: ["workspace_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "wait", input, { signal, emit }),
});
