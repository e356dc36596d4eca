/** What is said of a workspace: its record, and what is seen of its machine. */
import type { ExecutionMode } from "../contract/fields.ts";
import type { PublishedPort } from "../network/published-ports.ts";
import type { WorkspaceRecord, WorkspaceSeed } from "../store/workspace-record.ts";

export type WorkspaceState = "starting" | "started" | "stopped" | "failed";

/** What only whoever keeps a workspace, or its directory, knows. */
export interface Observed {
  readonly state: WorkspaceState;
  /** Null while it does not run */
  readonly execution_mode: ExecutionMode | null;
  readonly command_count: number;
  readonly service_count: number;
  readonly running_service_count: number;
  readonly published_ports: readonly ServicePort[];
  readonly shell_count: number;
  readonly last_activity_at: string;
  /** Why it is failed; null otherwise */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/** A port that a service publishes. */
export interface ServicePort extends PublishedPort {
  readonly service: string;
}

export interface WorkspaceStatus {
  readonly workspace_id: string;
  readonly name: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: string;
  readonly state: WorkspaceState;
  readonly failure: Observed["failure"];
  readonly vcpu_count: number;
  readonly mem_mib: number;
  readonly network_policy: WorkspaceRecord["network_policy"];
  readonly execution_mode: ExecutionMode | null;
  readonly created_at: string;
  readonly last_activity_at: string;
  readonly expires_at: string;
  readonly command_count: number;
  readonly service_count: number;
  readonly running_service_count: number;
  readonly shell_count: number;
  readonly snapshot_count: number;
  readonly reset_count: number;
  readonly last_reset_at: string | null;
  readonly secrets: WorkspaceRecord["secrets"];
  readonly published_ports: readonly ServicePort[];
  readonly workspace_seed: WorkspaceSeed;
}

const noSeed: WorkspaceSeed = {
  origin_kind: "empty",
  origin_ref: null,
  entry_count: 0,
  bytes_written: 0,
  commit: null,
  dirty: null,
  left_out: {},
  lfs_pointer_count: 0,
};

export function statusOf(record: WorkspaceRecord, observed: Observed): WorkspaceStatus {
  const { workspace_id, name, labels, environment, vcpu_count, mem_mib, network_policy } = record;
  return {
    workspace_id,
    name,
    labels,
    environment,
    state: observed.state,
    failure: observed.failure && { code: observed.failure.code, message: observed.failure.message },
    vcpu_count,
    mem_mib,
    network_policy,
    execution_mode: observed.execution_mode,
    created_at: record.created_at,
    last_activity_at: observed.last_activity_at,
    expires_at: record.expires_at,
    command_count: observed.command_count,
    service_count: observed.service_count,
    running_service_count: observed.running_service_count,
    shell_count: observed.shell_count,
    snapshot_count: record.snapshots.length,
    reset_count: record.reset_count,
    last_reset_at: record.last_reset_at,
    secrets: record.secrets,
    published_ports: observed.published_ports,
    workspace_seed: record.seed ?? noSeed,
  };
}
