/** Profiles and modes as data: which tools each offers, in which order, and which subjects its schemas leave out. */
import type { ModeName, ProfileName } from "../contract/server-options.ts";

export type SurfaceName = ProfileName | ModeName;

/** What a narrow schema leaves out, by subject; the fields of each are in `subjects`. */
export type Subject = keyof typeof subjects;

export interface Surface {
  /** Names of tools, in the order in which they are listed */
  readonly tools: readonly string[];
  readonly leaves_out: readonly Subject[];
}

/** Names of fields, in inputs and outputs, by subject. */
export const subjects = {
  secrets: ["secret", "secret_file", "secret_env", "secrets", "redacted"],
  network: [
    "network",
    "repo_url",
    "repo_ref",
    "network_policy",
    "allow_egress",
    "published_ports",
    "network_enabled",
    "network_denied",
    "network_denied_count",
  ],
  shells: ["shell_count", "shells"],
  services: ["service_count", "running_service_count", "services"],
  snapshots: ["snapshot", "snapshot_count", "snapshots"],
} as const;

const everyTime = [
  "workspace_create",
  "workspace_list",
  "workspace_status",
  "workspace_logs",
  "workspace_delete",
] as const;

const core = [
  "workspace_create",
  "workspace_exec",
  "workspace_wait",
  "workspace_logs",
  "workspace_file_list",
  "workspace_file_read",
  "workspace_file_write",
  "workspace_patch_apply",
  "workspace_diff",
  "workspace_summary",
  "workspace_export",
  "workspace_sync_push",
  "workspace_reset",
  "workspace_list",
  "workspace_status",
  "workspace_update",
  "workspace_delete",
  "vm_run",
] as const;

const services = ["service_start", "service_list", "service_status", "service_logs", "service_stop"] as const;
const shells = ["shell_open", "shell_read", "shell_write", "shell_signal", "shell_close"] as const;
const snapshots = ["snapshot_create", "snapshot_list", "snapshot_delete"] as const;

const narrow = ["secrets", "network", "shells", "services", "snapshots"] as const;

export const surfaces: Readonly<Record<SurfaceName, Surface>> = {
  "vm-run": { tools: ["vm_run", "vm_list_environments"], leaves_out: ["secrets", "shells", "services", "snapshots"] },
  "workspace-core": { tools: core, leaves_out: narrow },
  "workspace-full": {
    tools: [
      ...core,
      "workspace_stop",
      "workspace_start",
      ...snapshots,
      ...services,
      ...shells,
      "shell_list",
      "workspace_disk_list",
      "workspace_disk_read",
      "workspace_disk_export",
      "vm_network_info",
      "vm_list_environments",
      "vm_reap_expired",
    ],
    leaves_out: [],
  },
  "repro-fix": {
    tools: [
      ...everyTime,
      "workspace_exec",
      "workspace_wait",
      "workspace_file_list",
      "workspace_file_read",
      "workspace_file_write",
      "workspace_patch_apply",
      "workspace_diff",
      "workspace_export",
      "workspace_reset",
      "workspace_summary",
      "workspace_sync_push",
      "workspace_update",
    ],
    leaves_out: narrow,
  },
  inspect: {
    tools: [
      ...everyTime,
      "workspace_exec",
      "workspace_wait",
      "workspace_file_list",
      "workspace_file_read",
      "workspace_export",
      "workspace_summary",
    ],
    leaves_out: narrow,
  },
  "cold-start": {
    tools: [
      ...everyTime,
      "workspace_exec",
      "workspace_wait",
      "workspace_file_list",
      "workspace_file_read",
      "workspace_export",
      "workspace_reset",
      "workspace_summary",
      ...services,
    ],
    leaves_out: ["secrets", "shells", "snapshots"],
  },
  "review-eval": {
    tools: [
      ...everyTime,
      "workspace_exec",
      "workspace_wait",
      "workspace_file_list",
      "workspace_file_read",
      ...shells,
      ...snapshots,
      "workspace_diff",
      "workspace_export",
      "workspace_reset",
      "workspace_summary",
    ],
    leaves_out: ["secrets", "network", "services"],
  },
};
