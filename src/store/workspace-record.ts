/** What is written down of a workspace: one JSON file each. What can be observed, such as whether it runs, is not in it. */
import { z } from "zod";

const name = z.string().max(64);
const time = z.string().max(40);

/** One layer of a workspace's disk, a qcow2 file of its own; the first lies at the bottom. */
const layer = z.strictObject({ file: z.string().regex(/^[a-z0-9-]+\.qcow2$/) });

const snapshot = z.strictObject({
  name,
  created_at: time,
  /** Layers, bottom first, that together are the disk at that moment; none of them is ever written again */
  layers: z.array(layer).min(1),
});

const secret = z.strictObject({ name, source: z.enum(["value", "file"]) });

const seed = z.strictObject({
  origin_kind: z.enum(["empty", "directory", "archive", "git_checkout", "repo_url"]),
  origin_ref: z.string().nullable(),
  entry_count: z.int().min(0),
  bytes_written: z.int().min(0),
  commit: z.string().nullable(),
  /** Whether it differs from the commit; null where that is not known */
  dirty: z.boolean().nullable().default(null),
  /** What was left out of it, counted by reason */
  left_out: z.record(z.string().max(64), z.int().min(0)).default({}),
  lfs_pointer_count: z.int().min(0).default(0),
});

/** What was begun and, while it stands here, not finished: whoever finds it finishes it. What was being created is then removed. */
const intent = z.enum(["creating", "deleting"]);

export const workspaceRecord = z.strictObject({
  schema_version: z.literal(1),
  workspace_id: z.string().regex(/^ws-[0-9a-f]{12}$/),
  name: name.nullable(),
  labels: z.record(name, z.string().max(256)),
  environment: z.string(),
  /** Image that its machines have, whatever else gets that name, and the variables of its commands; null until it is there */
  image: z.strictObject({ digest: z.string(), env: z.record(z.string(), z.string()) }).nullable(),
  vcpu_count: z.int(),
  mem_mib: z.int(),
  network_policy: z.enum(["off", "egress", "egress+published-ports"]),
  /** Rules of its egress; where it has egress and none of them, every public name is allowed */
  allow_egress: z.array(z.string()).default([]),
  /** Whether its commands run on the host's own kernel, in a cage */
  is_host_compat: z.boolean(),
  created_at: time,
  /** Wall time of its end; `expires_boot` says the same on the host's own clock, as long as the host is not booted anew */
  expires_at: time,
  expires_boot: z.strictObject({ boot_id: z.string(), uptime_ms: z.int() }),
  intent: intent.nullable(),
  /** Whether it is meant to run; where it does not run although it is meant to, its keeper or its machine has died */
  wanted: z.enum(["started", "stopped"]),
  /** Why it does not run although it is meant to; null where that is not known, or it does */
  failure: z.strictObject({ code: z.string(), message: z.string(), at: time }).nullable(),
  seed: seed.nullable(),
  /** Layers of its disk, bottom first; all but the last belong to the baseline or a snapshot too */
  layers: z.array(layer),
  baseline: snapshot.nullable(),
  snapshots: z.array(snapshot),
  secrets: z.array(secret),
  /** Which is also the number of its present history */
  reset_count: z.int().min(0),
  last_reset_at: time.nullable(),
});

export type WorkspaceRecord = Readonly<z.infer<typeof workspaceRecord>>;
export type WorkspaceSeed = Readonly<z.infer<typeof seed>>;
export type DiskLayer = Readonly<z.infer<typeof layer>>;
export type Snapshot = Readonly<z.infer<typeof snapshot>>;
