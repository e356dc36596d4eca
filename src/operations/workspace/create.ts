/** `pyro workspace create`: a new workspace, started and seeded. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { startErrors } from "../start-errors.ts";
import { callErrors, seedErrors, status, workspaceField } from "./fields.ts";

export const workspaceCreate = operation({
  names: { cli: "workspace create", sdk: "createWorkspace", mcp: "workspace_create" },
  summary: "Create a workspace, start it and seed it",
  description:
    "The workspace is a microVM of its own with your files in /workspace. What it is seeded with is its baseline, which diff and reset refer to. " +
    "A directory that is a Git checkout is seeded with its tracked files and those that Git does not ignore. Nothing in the workspace reaches the directory it came from. " +
    "It lives until it is deleted or its time to live ends, whatever becomes of the program that made it.",
  example: "pyro workspace create debian:12 --seed-path . --name fix",
  effect: "write",
  input: z.strictObject({
    environment: field.environment,
    vcpu_count: field.vcpuCount,
    mem_mib: field.memMib,
    ttl_seconds: field.ttlSeconds(86_400),
    network_policy: z
      .enum(["off", "egress", "egress+published-ports"])
      .default("off")
      .describe("What network the guest has"),
    seed_path: workspaceField.path
      .optional()
      .describe("Directory, .tar, .tar.gz or .tgz on this machine to begin with"),
    name: workspaceField.name.optional().describe("Name by which the workspace can be called too"),
    label: workspaceField.labels.default({}).describe("Label, as KEY=VALUE"),
    allow_host_compat: field.allowHostCompat,
  }),
  output: status,
  errors: [...new Set([...startErrors, ...callErrors, ...seedErrors, "workspace_name_taken" as const])],
  positional: ["environment"],
  only: { "id-only": "workspace_id" },
  handle: (input, { engine, signal, emit }) => engine.workspaces.create(input, { signal, emit }),
});
