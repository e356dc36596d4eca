/** What a patch cannot carry, and why. */

/** Why something that changed is not in the patch text. */
export type LeftOutReason =
  /** An empty directory came or went: a patch knows files only */
  | "empty_directory"
  /** A pipe, socket or device */
  | "special_file"
  /** Permission bits other than the executable bit */
  | "permissions"
  /** A file beyond `diffLimits.file_bytes` */
  | "too_large"
  /** A file or directory that the guest could not read */
  | "unreadable"
  /** A Git directory, which `git apply` does not touch either */
  | "git_directory"
  /** A symlink called `.gitmodules`, which `git apply` refuses */
  | "git_modules_link"
  /** It was written to each time it was read */
  | "changed_while_read"
  /** Not text, and no binary patch was asked for */
  | "binary"
  /** What is in its place, above or below, is itself not in the patch */
  | "blocked";

export interface LeftOut {
  readonly path: string;
  readonly reason: LeftOutReason;
}

/** Names that some file system takes for `.gitmodules`; a few more than git's own list. */
const GIT_MODULES = /^(\.gitmodules|gitmod~[0-9]+|gi7eba~[0-9]+|gi7[0-9a-f]{0,4}~[0-9]+)[. ]*(:.*)?$/i;

/** Whether git refuses a symlink of that path. */
export function isGitModulesPath(path: string): boolean {
  return path.split(/[/\\]/).some((name) => GIT_MODULES.test(name));
}
