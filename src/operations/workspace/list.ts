/** `pyro workspace list`: every workspace of this user. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { status } from "./fields.ts";

export const workspaceList = operation({
  names: { cli: "workspace list", sdk: "listWorkspaces", mcp: "workspace_list" },
  summary: "List workspaces, most recently active first",
  description:
    "Only what changes a workspace counts as activity. A workspace whose record cannot be read is listed apart.",
  example: "pyro workspace list",
  effect: "read",
  input: z.strictObject({}),
  output: z.strictObject({
    workspaces: z.array(status).describe("The workspaces"),
    damaged: z
      .array(
        z.strictObject({
          workspace_id: z.string().describe("Name of its directory"),
          reason: z.string().describe("Why it cannot be read"),
        }),
      )
      .describe("What should be a workspace and cannot be read"),
  }),
  errors: ["host_io_failed", "state_dir_unsafe", "cancelled"],
  positional: [],
  handle: (_, { engine }) => engine.workspaces.list(),
});
