/** `pyro workspace disk export`. */
import { z } from "zod";
import { operation } from "../../operation.ts";
import { callErrors, workspaceField } from "../fields.ts";

export const workspaceDiskExport = operation({
  names: { cli: "workspace disk export", sdk: "exportWorkspaceDisk", mcp: "workspace_disk_export" },
  summary: "Write the disk of a stopped workspace to this machine as a raw ext4 image",
  description:
    "The image is sparse: it holds what the workspace wrote over its environment. Do not mount an image of an untrusted workspace on a machine that matters.",
  example: "pyro workspace disk export fix --output fix.ext4",
  effect: "write",
  crosses: "host",
  input: z.strictObject({
    workspace_id: workspaceField.id,
    output: workspaceField.path.describe("Path on this machine, where nothing is yet"),
  }),
  output: z.strictObject({
    output: z.string().describe("Where it was written"),
    size_bytes: z.int().describe("Length of the image"),
    allocated_bytes: z.int().describe("What it occupies on this machine's disk"),
  }),
  errors: [
    ...callErrors,
    "workspace_running",
    "not_available",
    "host_program_missing",
    "output_exists",
    "output_not_writable",
  ],
  positional: ["workspace_id"],
  handle: ({ workspace_id, output }, { engine, signal, emit }) =>
    engine.workspaces.disks.export(workspace_id, output, { signal, emit }),
});
