/** Reads one file of a patch in git's own form, with what it says of modes and renames. */
import type { FilePatch, PatchMode } from "./file-patch.ts";
import { readHunks } from "./hunks.ts";
import { headerOf, type NameLine, namesBoth, pathBehind, readNameLines, sameName } from "./name-lines.ts";
import { quotedName } from "./names.ts";
import type { PatchLines } from "./patch-lines.ts";

export const GIT_HEADER = "diff --git ";

const MARK =
  /^(old mode|new mode|new file mode|deleted file mode|rename from|rename to|rename old|rename new|copy from|copy to|similarity index|dissimilarity index|index) (.*)$/;
const INDEX = /^[0-9a-f]{4,64}\.\.[0-9a-f]{4,64}(?: (\d+))?$/;
const SYMLINK = "120000";
const SUBMODULE = "160000";
const TEXT_ONLY =
  "Patches change text only: write the file with `pyro workspace file write`, or push it with `pyro workspace sync push`";

/** What stands between `diff --git` and the hunks, by its key. */
type Marks = ReadonlyMap<string, string>;

/** The two sides of a file; null where it is not there. Names have no prefix, and are bytes of one character each. */
interface Sides {
  readonly before: string | null;
  readonly after: string | null;
}

/** Reads a file from its `diff --git` on. */
export function readGitFile(lines: PatchLines): FilePatch {
  const patch_line = lines.number;
  const header = headerOf(lines).slice(GIT_HEADER.length);
  lines.next();
  const marks = readMarks(lines);
  refuseBinary(lines);
  const names = lines.header?.startsWith("--- ") ? readNameLines(lines) : undefined;
  const said = (problem: string) => lines.malformed(problem, patch_line);
  const sides = sidesOf(header, marks, names, said);
  const one = sides.before ?? sides.after ?? "";
  const path = (name: string | null) => (name === null ? null : pathBehind(lines, name, "", patch_line));
  const old_path = path(sides.before);
  const paths = { old_path, new_path: sides.after === sides.before ? old_path : path(sides.after) };
  if (!namesBoth(header, sides.before ?? one, sides.after ?? one)) throw said("it does not name the files that follow");
  const hunks = names === undefined ? [] : readHunks(lines);
  if (names !== undefined && hunks.length === 0) throw said("the file has no hunks");
  const file = { patch_line, ...paths, hunks, ...modesOf(marks, sides) };
  if (hunks.length === 0 && !changesWithoutHunks(file, marks)) throw said("nothing of the file is changed");
  return file;
}

/** Refuses what stands in the place of hunks where a file is not text. */
export function refuseBinary(lines: PatchLines): void {
  const header = lines.header ?? "";
  if (header === "GIT binary patch" || /^Binary files .* differ$/.test(header))
    throw lines.unsupported("a binary file cannot be patched", TEXT_ONLY);
}

function readMarks(lines: PatchLines): Marks {
  const marks = new Map<string, string>();
  for (;;) {
    const [, key, value = ""] = MARK.exec(headerOf(lines)) ?? [];
    if (key === undefined) return marks;
    if (marks.has(key)) throw lines.malformed(`"${key}" comes twice`);
    if (key.startsWith("copy")) throw lines.unsupported("copies are not applied", "Write the file as a new one");
    checkMark(lines, key, value);
    marks.set(key.replace(" old", " from").replace(" new", " to"), value);
    lines.next();
  }
}

function checkMark(lines: PatchLines, key: string, value: string): void {
  if (key.endsWith("mode")) checkMode(lines, value);
  if (key !== "index") return;
  const [matched, mode] = INDEX.exec(value) ?? [];
  if (matched === undefined) throw lines.malformed("it is not of the form index HASH..HASH");
  if (mode !== undefined) checkMode(lines, mode);
}

function checkMode(lines: PatchLines, mode: string): void {
  if (isMode(mode)) return;
  if (!/^\d{1,6}$/.test(mode)) throw lines.malformed("it has no mode");
  if (mode === SYMLINK) throw lines.unsupported("symlinks cannot be patched");
  if (mode === SUBMODULE) throw lines.unsupported("submodules cannot be patched");
  throw lines.unsupported(`a file cannot have the mode ${mode}`, "Use 100644, or 100755 for an executable file");
}

function isMode(mode: string | undefined): mode is PatchMode {
  return mode === "100644" || mode === "100755";
}

function sidesOf(
  header: string,
  marks: Marks,
  names: { readonly before: NameLine; readonly after: NameLine } | undefined,
  said: (problem: string) => Error,
): Sides {
  const isNew = marks.has("new file mode");
  const isDeleted = marks.has("deleted file mode");
  const isRenamed = marks.has("rename from") || marks.has("rename to");
  const hasModes = marks.has("old mode") || marks.has("new mode");
  if ([isNew, isDeleted, isRenamed || hasModes].filter(Boolean).length > 1)
    throw said("what is said of the file contradicts itself");
  if (hasModes && !(marks.has("old mode") && marks.has("new mode"))) throw said("one of the two modes is missing");
  const sides =
    names === undefined ? withoutNames(header, { isNew, isDeleted, isRenamed }, marks, said) : namedSides(names, said);
  if (isNew !== (sides.before === null) && (isNew || isRenamed || hasModes))
    throw said("a new file has no file before");
  if (isDeleted !== (sides.after === null) && (isDeleted || isRenamed || hasModes))
    throw said("a deleted file has no file after");
  const isSame = sides.before === null || sides.after === null || sides.before === sides.after;
  if (isRenamed ? !isRename(sides, marks) : !isSame) throw said("the names of the file differ");
  return sides;
}

/** The names in `---` and `+++`, which always have their prefixes. */
function namedSides(
  names: { readonly before: NameLine; readonly after: NameLine },
  said: (problem: string) => Error,
): Sides {
  const side = ({ name, isNull }: NameLine, prefix: string) => {
    if (isNull) return null;
    if (name.startsWith(prefix)) return name.slice(prefix.length);
    // A path that leads out is called that, whatever else is wrong with it.
    return outside(name) ?? raise(said(`the name does not begin with "${prefix}"`));
  };
  return { before: side(names.before, "a/"), after: side(names.after, "b/") };
}

function outside(name: string): string | undefined {
  return name.startsWith("/") || name.split("/").includes("..") ? name : undefined;
}

function raise(error: Error): never {
  throw error;
}

function withoutNames(
  header: string,
  is: { readonly isNew: boolean; readonly isDeleted: boolean; readonly isRenamed: boolean },
  marks: Marks,
  said: (problem: string) => Error,
): Sides {
  if (is.isRenamed) return { before: unquoted(marks.get("rename from")), after: unquoted(marks.get("rename to")) };
  const name = sameName(header)?.slice(2);
  if (name === undefined) throw said("it does not name one file as a/FILE b/FILE");
  return { before: is.isNew ? null : name, after: is.isDeleted ? null : name };
}

function isRename({ before, after }: Sides, marks: Marks): boolean {
  const names = [unquoted(marks.get("rename from")), unquoted(marks.get("rename to"))];
  return before !== after && before === names[0] && after === names[1];
}

function unquoted(name = ""): string {
  const found = quotedName(name);
  return found?.rest === "" ? found.name : name;
}

function modesOf(marks: Marks, { before }: Sides): Pick<FilePatch, "old_mode" | "new_mode"> {
  const mode = (key: string) => {
    const value = marks.get(key);
    return isMode(value) ? value : undefined;
  };
  if (before === null) return { old_mode: undefined, new_mode: mode("new file mode") ?? "100644" };
  const modes = { old_mode: mode("old mode"), new_mode: mode("new mode") };
  return modes.old_mode === modes.new_mode ? { old_mode: undefined, new_mode: undefined } : modes;
}

function changesWithoutHunks({ old_path, new_path, new_mode }: FilePatch, marks: Marks): boolean {
  return old_path !== new_path || (new_mode !== undefined && marks.has("new mode"));
}
