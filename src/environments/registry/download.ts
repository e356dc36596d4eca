/** Downloads the blobs of an image into the cache: several at a time, each by one process only, none that is there already. */
import { PyroError } from "../../contract/errors.ts";
import { remove } from "../../platform/files.ts";
import { withLock } from "../../platform/lock.ts";
import { type BlobPaths, blobPaths } from "../../store/blob-paths.ts";
import type { StatePaths } from "../../store/paths.ts";
import { rememberPublished } from "../verify.ts";
import { type Blob, BlobTransfer } from "./blob-transfer.ts";
import { hexOf, openBlob } from "./blobs.ts";
import type { DownloadProgress } from "./download-progress.ts";
import type { Asking } from "./fetch-document.ts";
import { lied } from "./refusals.ts";
import { persist } from "./retries.ts";

/** Blobs that are fetched at a time, and downloads of one before its digest is believed to stay wrong (docs/design/limits.md). */
const MAX_PARALLEL = 4;
const MAX_DOWNLOADS = 2;

/** What every download of an image shares. */
export interface DownloadContext {
  /** The servers to ask, in order */
  readonly asked: readonly Asking[];
  readonly paths: StatePaths;
  readonly progress: DownloadProgress;
  readonly signal: AbortSignal;
}

/** Gets all of them; the first failure ends the others, and what has come of them stays. Gives how many were there already. */
export async function downloadBlobs(blobs: readonly Blob[], context: DownloadContext): Promise<number> {
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const asked = context.asked.map((asking) => ({ ...asking, signal }));
  const left = [...blobs];
  let present = 0;
  let failure: { readonly thrown: unknown } | undefined;
  const lane = async () => {
    for (let blob = left.shift(); blob !== undefined && failure === undefined; blob = left.shift())
      if (!(await downloadBlob(blob, { ...context, asked, signal }))) present += 1;
  };
  const lanes = Array.from({ length: Math.min(MAX_PARALLEL, blobs.length) }, () =>
    lane().catch((thrown: unknown) => {
      failure ??= { thrown };
      over.abort();
    }),
  );
  await Promise.all(lanes);
  if (failure !== undefined) throw failure.thrown;
  return present;
}

/** False where the blob was there. */
async function downloadBlob(blob: Blob, context: DownloadContext): Promise<boolean> {
  const { paths, progress, signal } = context;
  const places = blobPaths(paths, hexOf(blob.digest));
  if (await isPresent(blob, context)) return false;
  const fetched = await withLock(places.lock, { signal }, async () => {
    if (await isPresent(blob, context)) return false;
    remove(places.whole);
    await transfer(blob, places, context);
    rememberPublished(places.whole, hexOf(blob.digest), paths);
    return true;
  });
  if (fetched) progress.layerDone();
  return fetched;
}

async function isPresent(blob: Blob, { paths, progress, signal }: DownloadContext): Promise<boolean> {
  const file = await openBlob(blob.digest, paths, signal);
  if (file === undefined) return false;
  const size = file.size();
  file.close();
  if (size !== blob.size_bytes)
    throw new PyroError(
      "image_unsupported",
      `the layer ${blob.digest} has ${size} bytes, and not the ${blob.size_bytes} that the image says`,
    );
  progress.had(size);
  progress.layerDone();
  return true;
}

async function transfer(blob: Blob, places: BlobPaths, context: DownloadContext): Promise<void> {
  const file = new BlobTransfer(blob, places.partial, context.progress);
  try {
    await file.takeUp(context.signal);
    await fromAnyOf(file, blob, context);
    await file.publish(places.whole);
  } finally {
    file.close();
  }
}

/** From the first server that has it; where all fail, the last one's failure counts. */
async function fromAnyOf(file: BlobTransfer, blob: Blob, context: DownloadContext): Promise<void> {
  let failure: unknown;
  for (const asking of context.asked) {
    try {
      return await complete(file, blob, asking);
    } catch (thrown) {
      if (context.signal.aborted || !isOfRegistry(thrown)) throw thrown;
      failure = thrown;
    }
  }
  throw failure;
}

/** Gets the whole blob from one server; content of another digest is thrown away, and asked for once more. */
async function complete(file: BlobTransfer, blob: Blob, asking: Asking): Promise<void> {
  const { client, signal, tries } = asking;
  for (let downloads = 1; ; downloads += 1) {
    await persist({ signal, surroundings: client.transport.surroundings, tries }, async () => {
      if (!file.is_complete) await file.receive(asking);
    });
    if (file.isRight()) return;
    file.restart();
    if (downloads === MAX_DOWNLOADS)
      throw lied(client.host, `sent something else for the layer ${blob.digest} of "${asking.name}"`, "digest");
  }
}

/** Whether another server may do better. */
export function isOfRegistry(thrown: unknown): boolean {
  return thrown instanceof PyroError && /^(registry_|image_not_found$)/.test(thrown.code);
}
