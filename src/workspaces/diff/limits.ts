/** Most that a diff holds, reads and takes. */

/** Default limits; the first two are those of the threat model's table of limits. */
export const diffLimits = {
  /** Patch text in a result */
  patch_bytes: 1_048_576,
  /** Patch text for a caller that wants all of it: it is one string */
  longest_patch_bytes: 256 * 1_048_576,
  /** Entries in a result, and as many that are not in the patch */
  entries: 2_000,
  /** A file that can be in a patch: two of them are in memory at a time */
  file_bytes: 32 * 1_048_576,
  /** Content that one diff fetches from the guest */
  fetched_bytes: 512 * 1_048_576,
  /** Entries that are listed of a guest's tree, as many as a seed may have */
  listed_entries: 500_000,
  /** Time that git may take for one text */
  git_ms: 120_000,
} as const;
