/** Most that a patch may be, and may make of files. */
export const patchLimits = {
  /** Patch text, in bytes */
  patch_bytes: 16 * 1_048_576,
  /** A file before or after it is patched */
  file_bytes: 64 * 1_048_576,
  /** All files of a patch together, which are in memory at a time */
  total_bytes: 256 * 1_048_576,
  /** Lines that an error shows, in bytes: the limit on error text of the threat model */
  shown_bytes: 2_048,
} as const;
