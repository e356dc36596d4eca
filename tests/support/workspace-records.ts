/** Records of workspaces as tests need them. */
import type { WorkspaceRecord } from "../../src/store/workspace-record.ts";

export const TIME = "2026-01-01T00:00:00.000Z";

/** A record whose id is that number. */
export function workspaceRecord(number: number, more: Partial<WorkspaceRecord> = {}): WorkspaceRecord {
  return {
    schema_version: 1,
    workspace_id: `ws-${number.toString(16).padStart(12, "0")}`,
    name: null,
    labels: {},
    environment: "debian:12",
    image: { digest: `sha256:${"0".repeat(64)}`, env: {} },
    vcpu_count: 1,
    mem_mib: 1024,
    network_policy: "off",
    allow_egress: [],
    is_host_compat: false,
    created_at: TIME,
    expires_at: TIME,
    expires_boot: { boot_id: "boot", uptime_ms: 1 },
    intent: "creating",
    wanted: "started",
    failure: null,
    seed: null,
    layers: [{ file: "1.qcow2" }],
    baseline: null,
    snapshots: [],
    secrets: [],
    reset_count: 0,
    last_reset_at: null,
    ...more,
  };
}
