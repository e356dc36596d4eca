/** How records of workspaces begin, when they are over, and what is said where nobody keeps them. */
import { PyroError } from "../contract/errors.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { expiryIn, timeLeft } from "../workspaces/expiry.ts";
import { newWorkspaceId } from "../workspaces/live/creation.ts";
import type { GivenSecret, SecretsInput } from "../workspaces/secrets/given-secrets.ts";
import { endings } from "./endings.ts";

export interface CreateWorkspaceInput extends SecretsInput {
  readonly environment: string;
  readonly vcpu_count: number;
  readonly mem_mib: number;
  readonly ttl_seconds: number;
  readonly network_policy: WorkspaceRecord["network_policy"];
  readonly allow_egress?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly label: Readonly<Record<string, string>>;
  readonly seed_path?: string | undefined;
  readonly repo_url?: string | undefined;
  readonly repo_ref?: string | undefined;
  readonly allow_private_repo?: boolean | undefined;
  readonly allow_host_compat: boolean;
}

/** Why a workspace that nobody keeps is to be removed; undefined where it is not. */
export function isOver(record: WorkspaceRecord): "expired" | "unfinished" | undefined {
  if (record.intent !== null) return "unfinished";
  return timeLeft(record) <= 0 ? "expired" : undefined;
}

/** The record of a workspace that is to be created. */
export function newRecord(input: CreateWorkspaceInput, secrets: readonly GivenSecret[] = []): WorkspaceRecord {
  const { environment, vcpu_count, mem_mib, name, label, allow_host_compat, ttl_seconds, network_policy } = input;
  return {
    schema_version: 1,
    workspace_id: newWorkspaceId(),
    name: name ?? null,
    labels: label,
    environment,
    image: null,
    vcpu_count,
    mem_mib,
    network_policy,
    allow_egress: [...(input.allow_egress ?? [])],
    is_host_compat: allow_host_compat,
    created_at: new Date().toISOString(),
    ...expiryIn(ttl_seconds),
    intent: "creating",
    wanted: "started",
    failure: null,
    seed: null,
    layers: [],
    baseline: null,
    snapshots: [],
    secrets: secrets.map(({ name, source }) => ({ name, source })),
    reset_count: 0,
    last_reset_at: null,
  };
}

/** Throws `workspace_name_taken` where another of these workspaces than `own` has the name. */
export function requireFreeName(
  records: readonly WorkspaceRecord[],
  name: string | undefined,
  own: string | undefined,
): void {
  if (name === undefined) return;
  const other = records.find((one) => one.name === name && one.workspace_id !== own);
  if (other === undefined) return;
  throw new PyroError("workspace_name_taken", `"${other.workspace_id}" has the name "${name}" already`, {
    details: { name, workspace_id: other.workspace_id },
  });
}

/** Why a workspace cannot be called. */
export function notKept(record: WorkspaceRecord): PyroError {
  const { workspace_id, intent, wanted, failure } = record;
  if (timeLeft(record) <= 0) return endings.expired(workspace_id);
  if (intent === "deleting") return notFound(workspace_id);
  if (intent === "creating") return new PyroError("workspace_busy", `"${workspace_id}" is being created`);
  const hint = `pyro workspace start ${workspace_id}`;
  if (wanted === "stopped") return new PyroError("workspace_stopped", `"${workspace_id}" is stopped`, { hint });
  const why = failure?.message ?? "the process that kept it ended";
  return new PyroError("workspace_crashed", `"${workspace_id}" crashed: ${why}`, { hint, details: { failure } });
}

/** No workspace is meant by that. */
export function notFound(workspace: string): PyroError {
  return new PyroError("workspace_not_found", `No workspace has the id or name "${workspace}"`);
}

/** Somebody has the workspace that should have been free. */
export function inUse(workspace_id: string): PyroError {
  return new PyroError("workspace_running", `"${workspace_id}" runs, or another process is changing it`, {
    hint: `pyro workspace stop ${workspace_id}`,
  });
}

/** What needs a disk is asked of a cage. */
export function withoutDisk(hint: string): PyroError {
  return new PyroError("not_available", "A cage on the host's own kernel has no disk that could outlive it", { hint });
}
