/** What one file of a patch becomes, or why it does not; and whether it looks as if that had happened before. */
import type { PyroError } from "../../contract/errors.ts";
import type { Current } from "./current.ts";
import type { FilePatch, PatchMode } from "./file-patch.ts";
import { applyHunks, reversed } from "./fit.ts";
import { misfitError, stateError } from "./misfit.ts";

const EXECUTABLE = 0o111;
const READABLE = 0o444;
const NEW_MODE: Readonly<Record<PatchMode, number>> = { "100644": 0o644, "100755": 0o755 };

/** What is at the paths of a patch. */
export type CurrentFiles = ReadonlyMap<string, Current>;

/** A file as it is to be. */
export interface NewFile {
  /** Bytes of one character each */
  readonly content: string;
  readonly mode: number;
}

/** The file that comes of it, null for none, or why the patch does not fit. `isCleared` says which directories go. */
export function outcomeOf(
  file: FilePatch,
  current: CurrentFiles,
  isCleared: (directory: string) => boolean,
): NewFile | null | PyroError {
  const { old_path, new_path, hunks, patch_line } = file;
  if (new_path !== null && new_path !== old_path) {
    const there = current.get(new_path);
    if (there !== undefined && !(there.stat.kind === "directory" && isCleared(new_path)))
      return stateError(new_path, "is there already", patch_line);
  }
  if (old_path === null) return { content: hunks[0]?.new_text ?? "", mode: NEW_MODE[file.new_mode ?? "100644"] };
  const old = current.get(old_path);
  if (old === undefined) return stateError(old_path, "is not there", patch_line);
  if (old.stat.kind !== "file") return stateError(old_path, `is a ${nameOf(old.stat.kind)}, not a file`, patch_line);
  if (file.old_mode !== undefined && file.old_mode !== modeOf(old))
    return stateError(old_path, `has the mode ${modeOf(old)}, not ${file.old_mode}`, patch_line);
  const content = applyHunks(old.content, hunks);
  if (typeof content !== "string") return misfitError(old_path, old.content, content);
  if (new_path !== null) return { content, mode: changedMode(old.stat.mode, file.new_mode) };
  return content === "" ? null : stateError(old_path, "has more in it than the patch deletes", patch_line);
}

/** Whether a file is what the patch would make of it. */
export function isApplied(file: FilePatch, current: CurrentFiles): boolean {
  const { old_path, new_path, hunks } = file;
  if (old_path !== null && old_path !== new_path && isThere(current.get(old_path))) return false;
  if (new_path === null) return true;
  const there = current.get(new_path);
  if (there?.stat.kind !== "file") return false;
  if (file.new_mode !== undefined && file.new_mode !== modeOf(there)) return false;
  if (old_path === null) return there.content === (hunks[0]?.new_text ?? "");
  return typeof applyHunks(there.content, reversed(hunks)) === "string";
}

/** A directory may have come in the place of a file. */
function isThere(current: Current | undefined): boolean {
  return current !== undefined && current.stat.kind !== "directory";
}

function modeOf({ stat }: Current): PatchMode {
  return (stat.mode & 0o100) === 0 ? "100644" : "100755";
}

/** The mode with the executable bits of another: whoever may read it may then run it. */
function changedMode(mode: number, to: PatchMode | undefined): number {
  if (to === undefined) return mode;
  return to === "100644" ? mode & ~EXECUTABLE : mode | ((mode & READABLE) >> 2);
}

function nameOf(kind: string): string {
  return kind === "other" ? "special file" : kind;
}
