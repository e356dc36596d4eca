/** The beginning of a workspace: its image, its disk, its machine, its seed, and the baseline that all resets go back to. */
import { randomBytes } from "node:crypto";
import { failpoint } from "../../platform/failpoint.ts";
import type { DiskLayers } from "../disk-layers.ts";
import type { WorkContext } from "../machine-source.ts";
import { hostCompatWarning } from "../one-shot.ts";
import { cloning } from "../repository/cloning.ts";
import { openRepository } from "../repository/repo-seed.ts";
import { openSeed } from "../seed/open.ts";
import type { SeedRequest } from "../seed/request.ts";
import type { SeedSource } from "../seed/source.ts";
import type { LiveWorkspace } from "./live-workspace.ts";
import { noteStamps, seedDisk, seedMachine } from "./seeding.ts";

export interface CreateInput {
  /** What it begins with; null for nothing */
  readonly seed: SeedRequest | null;
  /** Its secrets, their values in base64 */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
}

/** An identifier of a workspace. */
export function newWorkspaceId(): string {
  return `ws-${randomBytes(6).toString("hex")}`;
}

/** Makes the workspace of a record with the intent to create it. What it has made belongs to the workspace's directory. */
export async function createWorkspace(workspace: LiveWorkspace, input: CreateInput, context: WorkContext) {
  workspace.secrets.seal(input.secrets.map(({ name, value }) => ({ name, value: Buffer.from(value, "base64") })));
  await failpoint("create.secrets_sealed");
  if (workspace.disk === undefined) await context.emit({ type: "warning", message: hostCompatWarning });
  const { name, digest, env } = await workspace.source.image(workspace.record.environment, context);
  workspace.change({ environment: name, image: { digest, env } });
  workspace.beginHistory();
  const source = await openSource(workspace, input, context);
  const { disk } = workspace;
  if (disk === undefined) await begin(workspace, source, context);
  else await beginOnDisk(workspace, disk, source, context);
  await failpoint("create.record_ready");
}

/** Opened before anything is made: a seed that is not there costs nothing. */
async function openSource({ host }: LiveWorkspace, { seed }: CreateInput, { signal, emit }: WorkContext) {
  if (seed === null) return undefined;
  if (seed.kind === "repository") return openRepository(seed, host.cloning ?? cloning, { signal, emit });
  const { paths } = host.store;
  paths.prepareCache();
  return openSeed(seed.path, { paths, env: host.env, signal });
}

/** The baseline is a disk that holds the seed and nothing else; the machine writes to a layer on top of it. */
async function beginOnDisk(
  workspace: LiveWorkspace,
  disk: DiskLayers,
  source: SeedSource | undefined,
  context: WorkContext,
): Promise<void> {
  const { signal } = context;
  const seeded = source && (await seedDisk(workspace, disk, source, context));
  await failpoint("create.seed_commit");
  const lowest = seeded?.layer ?? (await disk.make("journaled", signal));
  const layers = [lowest, await disk.make("layer", signal)];
  await failpoint("create.disk_cloned");
  await workspace.open(layers, context);
  await failpoint("create.hello");
  if (seeded !== undefined) await noteStamps(workspace, signal);
  const baseline = { name: "baseline", created_at: workspace.record.created_at, layers: [lowest] };
  workspace.change({ layers, baseline, seed: seeded?.seed ?? null, intent: null });
}

/** Without a disk there is nothing but the machine, whose files end with it. */
async function begin(workspace: LiveWorkspace, source: SeedSource | undefined, context: WorkContext): Promise<void> {
  await workspace.open([], context);
  const seed = source === undefined ? null : await seedMachine(workspace, source, context);
  if (seed !== null) await noteStamps(workspace, context.signal);
  workspace.change({ seed, intent: null });
}
