/** What a seed is: entries to read once, and what is known of where they come from. */
import type { SourceEntry } from "../../contract/tree.ts";
import type { TreeLimits } from "../../contract/tree-check.ts";
import type { StatePaths } from "../../store/paths.ts";

/** Why something is not in a seed. */
export type SkipReason =
  | "fifo"
  | "socket"
  | "device"
  | "unreadable"
  | "changed_during_copy"
  | "submodule_not_checked_out";

/** Something that is not in a seed though it is where the seed comes from. */
export interface Skipped {
  readonly path: string;
  readonly reason: SkipReason;
}

/** Where a seed comes from. */
export interface SeedSummary {
  readonly origin_kind: "directory" | "archive" | "git_checkout" | "repo_url" | "empty";
  /** Absolute path of the directory or archive, address of the repository; null for an empty one */
  readonly origin_ref: string | null;
  /** Commit that was checked out, where that is known */
  readonly commit: string | null;
  /** Whether it differs from that commit; null where that is not known */
  readonly dirty: boolean | null;
  readonly skipped: readonly Skipped[];
  /** Files of Git LFS whose content is not here */
  readonly lfs_pointer_count: number;
  /** Sentences on what a reader would not expect */
  readonly notes: readonly string[];
}

/** Files to be carried into a workspace, in a stream that can be read once. */
export interface SeedSource {
  /** Sorted for a directory, in its own order for an archive; directories before what they hold. Ends or closes whatever is open. */
  readonly entries: AsyncIterable<SourceEntry>;
  /** Complete when the entries have ended. */
  summary(): SeedSummary;
}

/** What reading a seed needs. */
export interface SeedOptions {
  /** The cache must be prepared: copies of large files and git's empty repository lie in it */
  readonly paths: StatePaths;
  /** The caller's variables: HOME and XDG_CONFIG_HOME lead to the caller's own ignore file */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: TreeLimits | undefined;
  /** Absolute path of git; null where it is to do without. Looked for where it is absent */
  readonly git?: string | null | undefined;
}
