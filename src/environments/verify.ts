/** A cached file counts only if whole: its hash is compared, and a stamp spares the next hash while the file is untouched. */
import { PyroError } from "../contract/errors.ts";
import { type FileStamp, fileStamp, isSameStamp } from "../platform/file-stamp.ts";
import { atomicWrite, type OpenFile, openReadOnly, readJson } from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";

/** A cached file: open and whole, not there, or damaged. */
export type VerifiedFile =
  | { readonly state: "whole"; readonly file: OpenFile }
  | { readonly state: "absent" }
  | { readonly state: "damaged" };

/** Opens a cached file and checks what was opened, so that no later use goes through its name. */
export async function openVerified(
  path: string,
  sha256: string,
  paths: StatePaths,
  signal?: AbortSignal,
): Promise<VerifiedFile> {
  const file = openReadOnly(path);
  if (file === undefined) return { state: "absent" };
  try {
    const stamp = file.stamp();
    if (isTrusted(stamp, sha256, paths)) return { state: "whole", file };
    if ((await file.sha256(signal)) === sha256) {
      rememberStamp(stamp, sha256, paths);
      return { state: "whole", file };
    }
  } catch (thrown) {
    file.close();
    throw thrown;
  }
  file.close();
  return { state: "damaged" };
}

/** Remembers that the file at this path, just published, was hashed. */
export function rememberPublished(path: string, sha256: string, paths: StatePaths): void {
  const file = openReadOnly(path);
  if (file === undefined) return;
  try {
    rememberStamp(file.stamp(), sha256, paths);
  } finally {
    file.close();
  }
}

function isTrusted(stamp: FileStamp, sha256: string, paths: StatePaths): boolean {
  const known = readJson(paths.verifiedStamp(sha256), fileStamp);
  return known.state === "whole" && isSameStamp(known.value, stamp);
}

/** A stamp that cannot be written costs a hash next time and nothing else. */
function rememberStamp(stamp: FileStamp, sha256: string, paths: StatePaths): void {
  try {
    atomicWrite(paths.verifiedStamp(sha256), `${JSON.stringify(stamp)}\n`);
  } catch (thrown) {
    if (!(thrown instanceof PyroError)) throw thrown;
  }
}
