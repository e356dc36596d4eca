/** Fields and errors that the operations on workspaces share. */
import { z } from "zod";
import type { ErrorCode } from "../../contract/errors.ts";
import { field } from "../../contract/fields.ts";

const failure = z.strictObject({
  code: z.string().describe("Stable name of the error"),
  message: z.string().describe("What happened"),
});

const seed = z.strictObject({
  origin_kind: z
    .enum(["empty", "directory", "archive", "git_checkout", "repo_url"])
    .describe("What it was seeded from"),
  origin_ref: z.string().nullable().describe("Host path or address of that; null for an empty one"),
  entry_count: z.int().describe("Files, directories and symlinks that were seeded"),
  bytes_written: z.int().describe("Content of the seeded files in bytes"),
  commit: z.string().nullable().describe("Commit that was checked out, where that is known"),
  dirty: z
    .boolean()
    .nullable()
    .describe(
      "Whether it differs from that commit by changed, staged or untracked files; null where that is not known",
    ),
  left_out: z.record(z.string(), z.int()).describe("Files and submodules that were left out, counted by reason"),
  lfs_pointer_count: z.int().describe("Git LFS pointers among the files, whose content is not here"),
});

const secret = z.strictObject({
  name: z.string().describe("Name of the secret"),
  source: z.enum(["value", "file"]).describe("Where its value came from"),
});

/** What is said of a published port. */
export const portFields = {
  host: z.string().describe("Address on this machine"),
  host_port: z.int().describe("Port on this machine"),
  guest_port: z.int().describe("Port in the workspace that it leads to"),
};

/** What `status`, `list`, `create` and others say of a workspace. */
export const statusFields = {
  workspace_id: z.string().describe("Identifier of the workspace"),
  name: z.string().nullable().describe("Its name, by which it can be called too"),
  labels: z.record(z.string(), z.string()).describe("Its labels"),
  environment: z.string().describe("Environment it was created from"),
  state: z
    .enum(["starting", "started", "stopped", "failed"])
    .describe("Whether it runs; a failed one keeps its disk and can be started again"),
  failure: failure.nullable().describe("Why it is failed"),
  vcpu_count: z.int().describe("Virtual CPUs"),
  mem_mib: z.int().describe("Guest memory in MiB"),
  network_policy: z.enum(["off", "egress", "egress+published-ports"]).describe("What network its guest has"),
  execution_mode: field.executionMode.nullable().describe("Where its commands run; null while it does not run"),
  created_at: z.string().describe("When it was created"),
  last_activity_at: z.string().describe("When it was last changed"),
  expires_at: z.string().describe("When it will be removed"),
  command_count: z.int().describe("Commands since the last reset"),
  service_count: z.int().describe("Services"),
  running_service_count: z.int().describe("Services that run"),
  shell_count: z.int().describe("Open shells"),
  snapshot_count: z.int().describe("Snapshots, the baseline not counted"),
  reset_count: z.int().describe("Resets so far"),
  last_reset_at: z.string().nullable().describe("When it was last reset"),
  secrets: z.array(secret).describe("Its secrets, without their values"),
  published_ports: z
    .array(z.strictObject({ service: z.string().describe("Service that it belongs to"), ...portFields }))
    .describe("Ports that are published on the host"),
  workspace_seed: seed.describe("What it was seeded with, its baseline"),
};

/** A workspace's description. */
export const status = z.strictObject(statusFields);

/** What any call of a workspace can answer with. */
export const callErrors = [
  "invalid_input",
  "workspace_not_found",
  "workspace_ambiguous",
  "workspace_damaged",
  "workspace_expired",
  "workspace_stopped",
  "workspace_crashed",
  "workspace_busy",
  "keeper_lost",
  "keeper_stalled",
  "keeper_outdated",
  "guest_lost",
  "agent_stalled",
  "protocol_violation",
  "host_io_failed",
  "host_disk_full",
  "cache_not_writable",
  "state_dir_unsafe",
  "cancelled",
] as const satisfies readonly ErrorCode[];

/** What giving a workspace its secrets can answer with besides. */
export const secretErrors = ["secret_invalid", "secrets_unreadable"] as const satisfies readonly ErrorCode[];

/** What reading or changing files of a workspace can answer with besides. */
export const pathErrors = [
  "path_escape",
  "path_not_found",
  "path_not_directory",
  "path_too_long",
  "not_a_file",
  "is_a_directory",
  "unsupported_type",
  "too_large",
] as const satisfies readonly ErrorCode[];

/** What carrying files into a workspace can answer with besides. */
export const seedErrors = [
  "seed_not_found",
  "seed_unreadable",
  "unsupported_type",
  "path_escape",
  "archive_inconsistent",
  "archive_truncated",
  "duplicate_entry",
  "tree_inconsistent",
  "too_large",
  "length_mismatch",
  "path_too_long",
  "path_exists",
  "path_changed",
  "dest_not_directory",
  "is_a_directory",
  "directory_not_empty",
  "guest_disk_full",
] as const satisfies readonly ErrorCode[];

/** What a project, or a repository that is cloned, can answer with besides. */
export const projectErrors = [
  "project_source_unusable",
  "repo_url_invalid",
  "repo_ref_invalid",
  "repo_ref_not_found",
  "repo_ref_ambiguous",
  "repo_not_found",
  "repo_address_forbidden",
  "repo_unreachable",
  "repo_inconsistent",
] as const satisfies readonly ErrorCode[];

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Input fields. */
export const workspaceField = {
  id: z.string().min(1).max(256).describe("Id or name of the workspace"),
  name: z
    .string()
    .regex(NAME, {
      error: "must be 1 to 63 letters, digits, dots, hyphens and underscores, beginning with a letter or digit",
    })
    .refine((name) => !/^ws-[0-9a-f]{12}$/.test(name), { error: "must not look like an id" }),
  labels: z.record(
    z.string().regex(NAME, { error: "a label's name must be 1 to 63 letters, digits, dots, hyphens and underscores" }),
    z.string().max(256),
  ),
  secretEnv: z
    .record(z.string(), z.string())
    .default({})
    .describe("Secret that it gets as a variable, as NAME=VARIABLE; NAME alone on the command line for both"),
  snapshot: z.string().regex(NAME, { error: "must be 1 to 63 letters, digits, dots, hyphens and underscores" }),
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => !path.includes("\0"), { error: "must not contain a NUL character" }),
};
