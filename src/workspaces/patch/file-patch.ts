/** A patch as data. Content is bytes, one character each. */

export interface Hunk {
  /** Its first line in the patch, from 1 */
  readonly patch_line: number;
  /** Where its old lines begin in the old file, from 0 */
  readonly at: number;
  /** How many lines it takes and gives */
  readonly old_count: number;
  readonly new_count: number;
  /** Those lines as they are in a file, with their line feeds but for a last line that has none */
  readonly old_text: string;
  readonly new_text: string;
  readonly additions: number;
  readonly deletions: number;
}

/** Mode of a file that a patch names. */
export type PatchMode = "100644" | "100755";

/** What a patch does to one file. */
export interface FilePatch {
  /** First line of it in the patch, from 1 */
  readonly patch_line: number;
  /** Null for a file that is added */
  readonly old_path: string | null;
  /** Null for a file that is deleted */
  readonly new_path: string | null;
  /** Where it is changed, or a file is added */
  readonly new_mode: PatchMode | undefined;
  /** Only where the mode is changed */
  readonly old_mode: PatchMode | undefined;
  readonly hunks: readonly Hunk[];
}
