/** Rows of the error table: workspaces and their keepers. */
import type { ErrorRow } from "./error-row.ts";

export const workspaceErrors = {
  workspace_not_found: {
    kind: "missing",
    meaning: "No workspace has that id or name",
    hint: "pyro workspace list",
  },
  workspace_ambiguous: {
    kind: "usage",
    meaning: "Several workspaces have that name",
    hint: "Give the id: pyro workspace list",
  },
  workspace_damaged: {
    kind: "host",
    meaning: "The record of a workspace cannot be read",
    hint: "pyro workspace list",
  },
  keeper_lost: {
    kind: "guest",
    meaning: "The process that keeps a workspace ended, and its virtual machine with it; the disk is kept",
    hint: "pyro workspace start",
  },
} as const satisfies Record<string, ErrorRow>;
