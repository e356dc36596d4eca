/** `pyro workspace sync push`: files of the host into a running workspace. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, seedErrors, workspaceField } from "../fields.ts";

export const workspaceSyncPush = operation({
  names: { cli: "workspace sync push", sdk: "pushWorkspaceSync", mcp: "workspace_sync_push" },
  summary: "Lay files of this machine over those of a workspace",
  description:
    "All or nothing: a push that fails leaves the workspace as it was. It deletes nothing. What was pushed shows in the diff, since the baseline stays what was seeded.",
  example: "pyro workspace sync push fix src --dest src",
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    source: workspaceField.path.describe("Directory, .tar, .tar.gz or .tgz on this machine"),
    dest: workspaceField.path.default("/workspace").describe("Directory below /workspace, made where it is missing"),
  }),
  output: z.strictObject({
    dest: z.string().describe("Where the files are in the workspace"),
    origin_kind: z.string().describe("What they came from: directory, archive or git_checkout"),
    origin_ref: z.string().nullable().describe("Host path of that"),
    commit: z.string().nullable().describe("Commit that was checked out, where that is known"),
    entry_count: z.int().describe("Files, directories and symlinks that were pushed"),
    bytes_written: z.int().describe("Content of the files in bytes"),
    skipped: z
      .array(
        z.strictObject({
          path: z.string().describe("Path in the source"),
          reason: z.string().describe("Why it was left out"),
        }),
      )
      .describe("What was not pushed though it is in the source"),
    verification: z
      .enum(["verified", "unverified"])
      .describe("Whether files read again after the push, 32 at most, are what was sent"),
    verified_count: z.int().describe("Files that were read again and are what was sent"),
    unverified: z.array(z.string()).describe("Files that are not: a program changed them at once, or the guest lies"),
  }),
  errors: [...new Set([...callErrors, ...seedErrors])],
  positional: ["workspace_id", "source"],
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.push(workspace_id, input, { signal, emit }),
});
