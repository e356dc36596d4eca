/** `pyro workspace reap`: removes what is past its time. */
import { z } from "zod";
import { operation } from "../operation.ts";

export const workspaceReap = operation({
  names: { cli: "workspace reap", sdk: "reapExpired", mcp: "vm_reap_expired" },
  summary: "Remove workspaces that are past their time or cannot be used any more",
  description:
    "Removes what has expired, what was never finished, and sets aside what cannot be read. A running workspace removes itself when its time ends.",
  example: "pyro workspace reap",
  effect: "destroy",
  input: z.strictObject({}),
  output: z.strictObject({
    removed: z
      .array(
        z.strictObject({
          workspace_id: z.string().describe("Identifier of the workspace"),
          name: z.string().nullable().describe("Its name"),
          reason: z.enum(["expired", "unfinished", "damaged"]).describe("Why it was removed"),
        }),
      )
      .describe("What was removed"),
  }),
  errors: ["host_io_failed", "host_disk_full", "state_dir_unsafe", "cancelled"],
  positional: [],
  handle: (_, { engine }) => engine.workspaces.reapExpired(),
});
