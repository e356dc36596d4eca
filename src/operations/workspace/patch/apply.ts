/** `pyro workspace patch apply`: a patch, whole or not at all. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";

export const workspacePatchApply = operation({
  names: { cli: "workspace patch apply", sdk: "applyWorkspacePatch", mcp: "workspace_patch_apply" },
  summary: "Apply a unified patch to the files of a workspace",
  description:
    "Adds, changes, deletes and renames text files. Every hunk must fit exactly where it says; nothing is written unless all do.",
  example: "pyro workspace patch apply fix --patch-file fix.patch",
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    patch: z.string().max(67_108_864).describe("The patch"),
  }),
  output: z.strictObject({
    files: z
      .array(
        z.strictObject({
          path: z.string().describe("Path below /workspace"),
          status: z.enum(["added", "modified", "deleted", "renamed"]).describe("What became of it"),
          old_path: z.string().nullable().describe("What it was called before"),
          additions: z.int().describe("Lines that came"),
          deletions: z.int().describe("Lines that went"),
        }),
      )
      .describe("Files that were changed"),
  }),
  errors: [
    ...new Set([
      ...callErrors,
      ...pathErrors,
      "patch_malformed" as const,
      "patch_unsupported" as const,
      "patch_does_not_fit" as const,
      "patch_already_applied" as const,
      "path_changed" as const,
      "path_exists" as const,
      "guest_disk_full" as const,
    ]),
  ],
  positional: ["workspace_id"],
  from_file: { patch: "patch-file" },
  handle: ({ workspace_id, patch }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "patch", { patch }, { signal, emit }),
});
