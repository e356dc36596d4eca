/** Frees what the cache no longer needs, leaving alone whatever a build may be working on. */
import { basename, join } from "node:path";
import { allocatedBytes } from "../platform/directories.ts";
import { listDirectory, remove } from "../platform/files.ts";
import { withFreeLock } from "../platform/lock.ts";
import { blobDirectory } from "../store/blob-paths.ts";
import type { StatePaths } from "../store/paths.ts";
import { WorkspaceStore } from "../store/workspace-store.ts";
import { catalog } from "./catalog.ts";
import { currentKernel } from "./kernel.ts";
import { pullLock } from "./pull-lock.ts";
import { imageHash, readEnvironments } from "./records.ts";
import { hexOf } from "./registry/blobs.ts";
import { openSealed, sealedHash } from "./sealed.ts";
import { openVerified } from "./verify.ts";

/** What was removed. */
export interface PruneResult {
  readonly removed: readonly { readonly path: string; readonly size_bytes: number }[];
  readonly freed_bytes: number;
}

type Drop = (path: string) => void;

/** Removes what no record needs; of the initramfs files, which are made again in no time, the newest stays. Undefined while something is being built. */
export async function pruneCache(paths: StatePaths, signal?: AbortSignal): Promise<PruneResult | undefined> {
  const removed: { path: string; size_bytes: number }[] = [];
  const drop: Drop = (path) => {
    const size_bytes = allocatedBytes(path);
    remove(path);
    removed.push({ path, size_bytes });
  };
  const used = new Set<string>();
  const environmentLocks = catalog.map((entry) => paths.environmentLock(entry.name));
  const locks = [...environmentLocks, pullLock(paths), paths.kernelLock, paths.initramfsLock];
  const done = await whileFree(locks, async () => {
    await pruneImages(paths, drop, used, signal);
    pruneBlobs(paths, drop, used);
    await pruneKernels(paths, drop, used, signal);
    await pruneInitramfs(paths, drop, used);
    await pruneSealed(paths, paths.disks, drop, used, () => true);
    for (const name of listDirectory(paths.building)) drop(join(paths.building, name));
    for (const name of listDirectory(paths.verified))
      if (!used.has(name.replace(/\.json$/, ""))) drop(join(paths.verified, name));
  });
  if (!done) return undefined;
  return { removed, freed_bytes: removed.reduce((sum, one) => sum + one.size_bytes, 0) };
}

/** Runs `action` with all the locks in hand; false, and nothing done, where somebody holds one of them. */
async function whileFree(locks: readonly string[], action: () => Promise<void>): Promise<boolean> {
  const [first, ...others] = locks;
  if (first === undefined) {
    await action();
    return true;
  }
  return (await withFreeLock(first, () => whileFree(others, action))) ?? false;
}

/** What the catalog lists stays, and what a workspace has; an image that was pulled and that nobody uses goes. */
async function pruneImages(paths: StatePaths, drop: Drop, used: Set<string>, signal?: AbortSignal): Promise<void> {
  const names = new Set(catalog.map((entry) => entry.name));
  const kept = imagesOfWorkspaces(paths);
  const isUsed = (hash: string) => kept === "all" || kept.has(hash);
  const images = new Set<string>();
  for (const { path, record } of readEnvironments(paths)) {
    const environment = record.state === "whole" ? record.value : undefined;
    const hash = environment === undefined ? undefined : imageHash(environment);
    const isWanted = hash !== undefined && (names.has(environment?.name ?? "") || isUsed(hash));
    const verified = isWanted ? await openVerified(paths.image(hash), hash, paths, signal) : undefined;
    if (verified?.state === "whole") verified.file.close();
    if (isWanted && verified?.state === "whole") images.add(hash);
    else drop(path);
  }
  for (const name of listDirectory(paths.images)) {
    const hash = name.replace(/\.squashfs$/, "");
    if (isUsed(hash)) images.add(hash);
    else if (!images.has(hash)) drop(join(paths.images, name));
  }
  for (const hash of images) used.add(hash);
}

/** Layers that are still a part of an environment stay: the next image may have them too. */
function pruneBlobs(paths: StatePaths, drop: Drop, used: Set<string>): void {
  const layers = readEnvironments(paths).flatMap(({ record }) =>
    record.state === "whole" ? (record.value.image?.layers ?? []) : [],
  );
  const names = new Set(layers.map(({ digest }) => hexOf(digest)));
  const directory = blobDirectory(paths);
  for (const name of listDirectory(directory))
    if (names.has(name)) used.add(name);
    else drop(join(directory, name));
}

/** The images that workspaces have; all of them where a record cannot be read. */
function imagesOfWorkspaces(paths: StatePaths): ReadonlySet<string> | "all" {
  const { records, damaged } = new WorkspaceStore(paths).list();
  if (damaged.length > 0) return "all";
  return new Set(records.flatMap(({ image }) => (image === null ? [] : [imageHash(image)])));
}

async function pruneKernels(paths: StatePaths, drop: Drop, used: Set<string>, signal?: AbortSignal): Promise<void> {
  const newest = currentKernel(paths);
  const kept = newest !== undefined && (await newest.isWhole(signal)) ? newest : undefined;
  for (const digest of listDirectory(paths.kernels))
    if (kept?.digest !== `sha256:${digest}`) drop(join(paths.kernels, digest));
  for (const hash of kept?.hashes ?? []) used.add(hash);
}

async function pruneInitramfs(paths: StatePaths, drop: Drop, used: Set<string>): Promise<void> {
  let newest: { path: string; mtime: bigint } | undefined;
  for (const name of listDirectory(paths.initramfsDirectory).filter(isContent)) {
    const path = join(paths.initramfsDirectory, name);
    const file = await openSealed(path, paths);
    const mtime = BigInt(file?.stamp().mtime_ns ?? 0);
    file?.close();
    if (file !== undefined && mtime > (newest?.mtime ?? 0n)) newest = { path, mtime };
  }
  await pruneSealed(paths, paths.initramfsDirectory, drop, used, (path) => path === newest?.path);
}

function isContent(name: string): boolean {
  return !name.endsWith(".json");
}

async function pruneSealed(
  paths: StatePaths,
  directory: string,
  drop: Drop,
  used: Set<string>,
  isWanted: (path: string) => boolean,
): Promise<void> {
  const names = listDirectory(directory).filter(isContent);
  const kept = new Set<string>();
  for (const name of names) {
    const path = join(directory, name);
    const file = isWanted(path) ? await openSealed(path, paths) : undefined;
    file?.close();
    if (file === undefined) continue;
    kept.add(name).add(basename(paths.seal(path)));
    used.add(sealedHash(path, paths) ?? "");
  }
  for (const name of listDirectory(directory)) if (!kept.has(name)) drop(join(directory, name));
}
