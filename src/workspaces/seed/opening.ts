/** Opens what a caller named as a seed, with errors that say what is wrong with it. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { DirectoryHandle } from "../../platform/directory-handle.ts";
import { errnoOf } from "../../platform/files.ts";

/** A failure to read a path of a seed as `seed_not_found` or `seed_unreadable`. */
export function seedError(thrown: unknown, path: string): PyroError {
  if (thrown instanceof PyroError) return thrown;
  const errno = errnoOf(thrown) ?? "";
  const code = errno === "ENOENT" ? "seed_not_found" : "seed_unreadable";
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PyroError(code, `cannot read ${showPath(path)}: ${reason}`, { details: { path, errno }, cause: thrown });
}

/** Opens a directory; undefined for anything else that exists. */
export function openSeedDirectory(path: string): DirectoryHandle | undefined {
  try {
    return DirectoryHandle.open(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOTDIR") return undefined;
    throw seedError(thrown, path);
  }
}
