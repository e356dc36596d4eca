/** Where blobs of images lie in the cache: whole ones under their digest, and those that are not whole yet beside them. */
import { join } from "node:path";
import type { StatePaths } from "./paths.ts";

const PARTIAL = ".partial";

/** Names of one blob; `hex` is the SHA-256 of its content. */
export interface BlobPaths {
  /** The blob, whole */
  readonly whole: string;
  /** What has come of it so far */
  readonly partial: string;
  /** Held while it is fetched */
  readonly lock: string;
}

export function blobDirectory(paths: StatePaths): string {
  return join(paths.cache, "blobs");
}

export function blobPaths(paths: StatePaths, hex: string): BlobPaths {
  const whole = join(blobDirectory(paths), hex);
  return { whole, partial: `${whole}${PARTIAL}`, lock: paths.lock(`blob-${hex}`) };
}

/** What a name in that directory says; undefined where it is no name of ours. */
export function blobOfName(name: string): { readonly hex: string; readonly is_whole: boolean } | undefined {
  const [, hex, ending] = /^([0-9a-f]{64})(\.partial)?$/.exec(name) ?? [];
  return hex === undefined ? undefined : { hex, is_whole: ending === undefined };
}
