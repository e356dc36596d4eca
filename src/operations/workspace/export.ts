/** `pyro workspace export`: a file or directory to the host. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, pathErrors, workspaceField } from "./fields.ts";

export const workspaceExport = operation({
  names: { cli: "workspace export", sdk: "exportWorkspace", mcp: "workspace_export" },
  summary: "Write a file or directory of a workspace to this machine",
  description:
    "Nothing lands outside the output path, which must not exist yet. Files get mode 0644 or 0755, symlinks that lead out are left out, and so is every .git. " +
    "Files that programs on this machine act on by themselves are listed for review where they are not as they were seeded.",
  example: "pyro workspace export fix /workspace/report.html --output report.html",
  effect: "write",
  crosses: "host",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.describe("File or directory, absolute below /workspace or relative to it"),
    output: workspaceField.path.describe("Path on this machine"),
    force: z.boolean().default(false).describe("Replace what is at the output path"),
  }),
  output: z.strictObject({
    path: z.string().describe("What was exported"),
    output: z.string().describe("Where it was written"),
    artifact_type: z.enum(["file", "directory"]).describe("What it is"),
    entry_count: z.int().describe("Files, directories and symlinks that were written"),
    bytes_written: z.int().describe("Content of the files in bytes"),
    skipped_links: z
      .array(
        z.strictObject({
          path: z.string().describe("Path in what was exported"),
          link_target: z.string().describe("Where it points"),
        }),
      )
      .describe("Symlinks that lead out and were not made"),
    skipped: z
      .array(
        z.strictObject({
          path: z.string().describe("Path in what was exported"),
          reason: z.string().describe("Why it was left out"),
        }),
      )
      .describe("What is neither file, directory nor symlink, or could not be read"),
    omitted: z.array(z.string()).describe("What was left out since it is, or may be taken for, .git"),
    changed_during_export: z.array(z.string()).describe("Files that were written to while they were read"),
    review_before_trusting: z
      .array(z.string())
      .describe("Files that programs here act on by themselves, and that are not as they were seeded"),
  }),
  errors: [
    ...new Set([
      ...callErrors,
      ...pathErrors,
      "output_exists" as const,
      "output_not_writable" as const,
      "name_collision" as const,
      "name_reserved" as const,
      "length_mismatch" as const,
      "path_changed" as const,
      "duplicate_entry" as const,
      "tree_inconsistent" as const,
    ]),
  ],
  positional: ["workspace_id", "path"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.export(workspace_id, input, { signal, emit }),
});
