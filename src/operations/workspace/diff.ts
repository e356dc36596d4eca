/** `pyro workspace diff`: what changed since the seed. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

const leftOut = z.enum([
  "empty_directory",
  "special_file",
  "permissions",
  "too_large",
  "unreadable",
  "git_directory",
  "git_modules_link",
  "changed_while_read",
  "binary",
  "blocked",
]);

export const workspaceDiff = operation({
  names: { cli: "workspace diff", sdk: "diffWorkspace", mcp: "workspace_diff" },
  summary: "Show what changed in a workspace since it was seeded",
  description:
    "The comparison is with this machine's own copy of the seed, which nothing in the workspace can change. " +
    "git apply takes the patch; binary files are in it with --binary, and otherwise only named. What a patch cannot carry is listed apart.",
  example: "pyro workspace diff fix --binary > fix.patch",
  effect: "read",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    binary: z.boolean().default(false).describe("Put binary files into the patch"),
    max_patch_bytes: z
      .int()
      .min(1)
      .max(268_435_456)
      .default(1_048_576)
      .describe("Most of the patch text, which is cut after a whole line"),
  }),
  output: z.strictObject({
    entries: z
      .array(
        z.strictObject({
          path: z.string().describe("Path below /workspace"),
          status: z.enum(["added", "modified", "deleted", "type_changed"]).describe("What became of it"),
          binary: z.boolean().describe("It is not text, or its content is not in the patch"),
          additions: z.int().describe("Lines that came"),
          deletions: z.int().describe("Lines that went"),
        }),
      )
      .describe("What changed, at most 2,000 of it"),
    entry_count: z.int().describe("How many changed"),
    additions: z.int().describe("Lines that came in all"),
    deletions: z.int().describe("Lines that went in all"),
    patch: z.string().describe("Unified patch against the seed"),
    truncated: z.boolean().describe("The patch or a list is cut"),
    not_in_patch: z
      .array(
        z.strictObject({ path: z.string().describe("Path below /workspace"), reason: leftOut.describe("Why not") }),
      )
      .describe("What is different and not in the patch"),
    not_in_patch_count: z.int().describe("How many that are"),
  }),
  errors: [...callErrors, "too_large", "baseline_damaged", "host_program_missing"],
  positional: ["workspace_id"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "diff", input, { signal, emit }),
});
