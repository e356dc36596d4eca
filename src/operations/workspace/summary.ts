/** `pyro workspace summary`: what happened since the last reset. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";
import { shell } from "./shell/fields.ts";

const lines = (what: string) => z.array(z.string()).describe(`${what}, the newest 20, oldest first`);

export const workspaceSummary = operation({
  names: { cli: "workspace summary", sdk: "summarizeWorkspace", mcp: "workspace_summary" },
  summary: "Sum up what happened in a workspace since its last reset",
  description: "Commands and how they ended, what crossed the border, snapshots, and the totals of the present diff.",
  example: "pyro workspace summary fix",
  effect: "read",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: z.strictObject({
    workspace_id: z.string().describe("Identifier of the workspace"),
    name: z.string().nullable().describe("Its name"),
    since: z.string().describe("Its last reset, or its creation"),
    reset_count: z.int().describe("Resets so far"),
    command_count: z.int().describe("Commands since then"),
    failed_command_count: z.int().describe("Those of them that did not exit with 0"),
    commands: z
      .array(
        z.strictObject({
          sequence: z.int().describe("Number of the command"),
          command: z.string().describe("The command line, at most 200 characters"),
          state: z.enum(["running", "finished"]).describe("Whether it still runs"),
          exit_code: z.int().nullable().describe("Exit status; null while it runs"),
          outcome_kind: z.string().nullable().describe("Why it ended; null while it runs"),
          duration_ms: z.int().nullable().describe("How long it took; null while it runs"),
        }),
      )
      .describe("The newest 20 commands, oldest first"),
    syncs: lines("Pushes from this machine"),
    file_writes: lines("Files that were written"),
    patches: lines("Patches that were applied"),
    snapshots: lines("Snapshots that were made or deleted"),
    exports: lines("Exports to this machine"),
    services: lines("Services, with state, exit status and ports"),
    service_count: z.int().describe("Services"),
    secrets: z.array(z.string()).describe("Names of its secrets"),
    shells: z.array(shell).describe("Its shells, the newest 20, oldest first; none while it does not run"),
    network_denied: lines("Hosts that connections or lookups were denied to since the machine's start"),
    diff: z
      .strictObject({
        entry_count: z.int().describe("Files that differ from the seed"),
        additions: z.int().describe("Lines that came"),
        deletions: z.int().describe("Lines that went"),
        paths: z.array(z.string()).describe("The first 20 of those files, with what became of each"),
      })
      .nullable()
      .describe("Totals of the diff; null while the workspace does not run"),
  }),
  errors: [...callErrors, "too_large", "baseline_damaged", "host_program_missing"],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) => engine.workspaces.summary(workspace_id, { signal, emit }),
});
