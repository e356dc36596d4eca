/** `pyro workspace file write`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, pathErrors, workspaceField } from "../fields.ts";

export const workspaceFileWrite = operation({
  names: { cli: "workspace file write", sdk: "writeWorkspaceFile", mcp: "workspace_file_write" },
  summary: "Write a file of a workspace",
  description: "The file is replaced in one step and keeps its mode; directories above it are made.",
  example: 'pyro workspace file write fix notes.txt --text "to do"',
  effect: "write",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    path: workspaceField.path.describe("File, absolute below /workspace or relative to it"),
    text: z.string().max(134_217_728).describe("The whole content"),
    encoding: z.enum(["utf-8", "base64"]).default("utf-8").describe("Form of the text"),
    if_sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: "must be a SHA-256 in hexadecimal" })
      .optional()
      .describe("Write only where the file has this hash"),
  }),
  output: z.strictObject({
    path: z.string().describe("File that was written"),
    bytes_written: z.int().describe("Its length"),
    is_new: z.boolean().describe("There was none before"),
    sha256: z.string().describe("Hash of its content"),
  }),
  errors: [
    ...new Set([
      ...callErrors,
      ...pathErrors,
      "path_changed" as const,
      "dest_not_directory" as const,
      "guest_disk_full" as const,
    ]),
  ],
  positional: ["workspace_id", "path"],
  from_file: { text: "text-file" },
  handle: ({ workspace_id, ...input }, { engine, signal, emit }) =>
    engine.workspaces.call(workspace_id, "writeFile", input, { signal, emit }),
});
