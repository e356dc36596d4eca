/** Blobs of images on disk: each lies under its digest, is shared by all images, and counts only if it is whole. */
import { join } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { listDirectory, type OpenFile, openReadOnly } from "../../platform/files.ts";
import { blobDirectory, blobOfName, blobPaths } from "../../store/blob-paths.ts";
import type { StatePaths } from "../../store/paths.ts";
import { openVerified } from "../verify.ts";

/** A file of the blob cache. */
export interface CachedBlob {
  readonly digest: string;
  readonly path: string;
  readonly size_bytes: number;
  /** Whether it has come in full; what has not is gone on with by the next download */
  readonly is_whole: boolean;
}

/** The hash in a digest. */
export function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (hex === undefined) throw new PyroError("internal_error", "a blob was asked for by something that is no digest");
  return hex;
}

/** Opens a blob that is there and whole; undefined where it is absent or damaged, and has to be fetched. */
export async function openBlob(digest: string, paths: StatePaths, signal?: AbortSignal): Promise<OpenFile | undefined> {
  const hex = hexOf(digest);
  const verified = await openVerified(blobPaths(paths, hex).whole, hex, paths, signal);
  return verified.state === "whole" ? verified.file : undefined;
}

/** Every blob in the cache, whole or begun; nothing is hashed. */
export function listBlobs(paths: StatePaths): CachedBlob[] {
  const directory = blobDirectory(paths);
  return listDirectory(directory).flatMap((name) => {
    const blob = blobOfName(name);
    const path = join(directory, name);
    const file = blob && openReadOnly(path);
    if (blob === undefined || file === undefined) return [];
    const size_bytes = file.size();
    file.close();
    return [{ digest: `sha256:${blob.hex}`, path, size_bytes, is_whole: blob.is_whole }];
  });
}
