/** `pyro workspace create`: a new workspace, started and seeded. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { startErrors } from "../start-errors.ts";
import { callErrors, projectErrors, secretErrors, seedErrors, status, workspaceField } from "./fields.ts";

export const workspaceCreate = operation({
  names: { cli: "workspace create", sdk: "createWorkspace", mcp: "workspace_create" },
  summary: "Create a workspace, start it and seed it",
  description:
    "The workspace is a microVM of its own with your files in /workspace. What it is seeded with is its baseline, which diff and reset refer to. " +
    "A directory that is a Git checkout is seeded with its tracked files and those that Git does not ignore. Nothing in the workspace reaches the directory it came from. " +
    "A repository on a server (--repo-url) is cloned in a cage on this machine, without your Git configuration, and its Git directory is in the workspace; a token in the address is used for that alone and kept nowhere. " +
    "Its commands find secrets in /run/pyro-secrets/NAME, or in the variables that exec --secret-env names; where a value turns up in output, it reads [REDACTED]. " +
    "It lives until it is deleted or its time to live ends, whatever becomes of the program that made it.",
  example: "pyro workspace create debian:12 --seed-path . --name fix",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    environment: field.environment,
    vcpu_count: field.vcpuCount,
    mem_mib: field.memMib,
    ttl_seconds: field.ttlSeconds(86_400),
    network_policy: z
      .enum(["off", "egress", "egress+published-ports"])
      .default("off")
      .describe("What network the guest has"),
    allow_egress: z
      .array(z.string())
      .min(1, { error: "is empty: leave it out to allow every public name" })
      .optional()
      .describe(
        "Narrow egress to this: a name, *.NAME, an address, or one of them with :PORT; ports are 443 and 80 where none is given",
      ),
    seed_path: workspaceField.path
      .optional()
      .describe("Directory, .tar, .tar.gz or .tgz on this machine to begin with"),
    repo_url: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe(
        "Repository to clone on this machine and begin with, https://HOST/PATH; its newest commit, without history",
      ),
    repo_ref: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe("Branch, tag, full name of a ref, or whole commit of that repository; its HEAD where it is absent"),
    allow_private_repo: z
      .boolean()
      .default(false)
      .describe("Permit a repository on a private network or on this machine"),
    name: workspaceField.name.optional().describe("Name by which the workspace can be called too"),
    label: workspaceField.labels.default({}).describe("Label, as KEY=VALUE"),
    secret: z
      .record(z.string(), z.string())
      .default({})
      .describe("Secret, as NAME=VALUE; on the command line NAME alone takes the exported variable of that name"),
    secret_file: z
      .record(z.string(), z.string())
      .default({})
      .describe("Secret from a file of this machine, as NAME=PATH; - is standard input"),
    allow_host_compat: field.allowHostCompat,
  }),
  output: status,
  errors: [
    ...new Set([...startErrors, ...callErrors, ...seedErrors, ...projectErrors, ...secretErrors]),
    "workspace_name_taken",
    "insufficient_memory",
  ],
  positional: ["environment"],
  map_flags: { secret: { alone: "variable", is_private: true }, secret_file: { is_private: true } },
  only: { "id-only": "workspace_id" },
  handle: (input, { engine, signal, emit, project }) => engine.workspaces.create(input, { signal, emit, project }),
});
