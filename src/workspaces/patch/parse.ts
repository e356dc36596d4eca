/** Reads a unified diff, in git's form or the plain one, and refuses whatever is not exactly that. Time and memory are linear in its length. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { FilePatch, Hunk } from "./file-patch.ts";
import { GIT_HEADER, readGitFile, refuseBinary } from "./git-file.ts";
import { readHunks } from "./hunks.ts";
import { patchLimits } from "./limits.ts";
import { type NameLine, pathBehind, readNameLines } from "./name-lines.ts";
import { PatchLines } from "./patch-lines.ts";

/** Half of a character, which stands for no text */
const LONE_SURROGATE = /[\ud800-\udfff]/u;
/** What may stand between two files: nothing, or how they came to be compared */
const BETWEEN = /^(|diff (?!--git ).*|Index: .*|=+)$/;
/** What belongs to a file, and so not before the first one */
const PART = /^(\+\+\+ |@@ |GIT binary patch$|Binary files .* differ$)/;
/** What mail programs take for the end */
const SIGNATURE = /^-- ?$/;
const SIGNATURE_LINES = 4;

/** The files of a patch. Raises `patch_malformed`, `patch_unsupported`, `path_escape`, and `too_large` at once for one that is too long. */
export function parsePatch(patch: string): FilePatch[] {
  const lines = new PatchLines(bytesOf(patch));
  const files: FilePatch[] = [];
  skipOpening(lines);
  while (lines.line !== undefined) {
    if (lines.line.startsWith(GIT_HEADER)) files.push(checked(lines, readGitFile(lines)));
    else if (lines.line.startsWith("--- ")) files.push(checked(lines, readPlainFile(lines)));
    else skipBetween(lines);
  }
  if (files.length === 0) throw lines.malformed("it has no changes of files");
  checkPaths(lines, files);
  return files;
}

/** The patch as bytes, one character each. */
function bytesOf(patch: string): string {
  const limit = patchLimits.patch_bytes;
  if (patch.length > limit || Buffer.byteLength(patch) > limit)
    throw new PyroError("too_large", `the patch is longer than ${limit / 1_048_576} MiB`, {
      hint: "Apply it in parts, or push the files with `pyro workspace sync push`",
      details: { limit },
    });
  if (patch.includes("\0")) throw new PyroError("patch_unsupported", "the patch has NUL bytes in it, and is no text");
  if (LONE_SURROGATE.test(patch)) throw new PyroError("patch_malformed", "the patch is not text");
  return Buffer.from(patch).toString("latin1");
}

/** A patch may begin with what somebody says of it. */
function skipOpening(lines: PatchLines): void {
  for (; lines.line !== undefined; lines.next()) {
    const { line } = lines;
    if (line.startsWith(GIT_HEADER) || line.startsWith("--- ")) return;
    if (!PART.test(line)) continue;
    refuseBinary(lines);
    throw lines.malformed("it belongs to no file");
  }
}

function skipBetween(lines: PatchLines): void {
  const header = lines.header ?? "";
  refuseBinary(lines);
  if (SIGNATURE.test(header)) skipSignature(lines);
  else if (BETWEEN.test(header)) lines.next();
  else throw lines.malformed("it belongs to no hunk and to no file");
}

function skipSignature(lines: PatchLines): void {
  const first = lines.number;
  for (; lines.line !== undefined; lines.next())
    if (lines.number >= first + SIGNATURE_LINES) throw lines.malformed("the patch goes on after its end");
}

function readPlainFile(lines: PatchLines): FilePatch {
  const patch_line = lines.number;
  const { before, after } = readNameLines(lines);
  const hunks = readHunks(lines);
  if (hunks.length === 0) throw lines.malformed("the file has no hunks", patch_line);
  const hasPrefix = ({ name, isNull }: NameLine, prefix: string) => isNull || name.startsWith(prefix);
  const areBoth = hasPrefix(before, "a/") && hasPrefix(after, "b/");
  const path = (side: NameLine, prefix: string) =>
    side.isNull ? null : pathBehind(lines, side.name, areBoth ? prefix : "", patch_line);
  const [old_path, new_path] = [path(before, "a/"), path(after, "b/")];
  if (old_path !== null && new_path !== null && old_path !== new_path)
    throw lines.malformed("the names of the file differ", patch_line);
  const isAdded = old_path === null || (before.isEpoch && isAll(hunks, "old_count"));
  const isDeleted = new_path === null || (after.isEpoch && isAll(hunks, "new_count"));
  return {
    patch_line,
    old_path: isAdded ? null : old_path,
    new_path: isDeleted ? null : new_path,
    old_mode: undefined,
    new_mode: isAdded ? "100644" : undefined,
    hunks,
  };
}

/** Whether the one hunk of a file has nothing on that side. */
function isAll(hunks: readonly Hunk[], side: "old_count" | "new_count"): boolean {
  return hunks.length === 1 && hunks[0]?.at === 0 && hunks[0][side] === 0;
}

/** A file that comes has no old lines, and one that goes no new ones. */
function checked(lines: PatchLines, file: FilePatch): FilePatch {
  const { old_path, new_path, hunks, patch_line } = file;
  const problem = (what: string) => lines.malformed(what, hunks[0]?.patch_line ?? patch_line);
  if (old_path === null && hunks.length > 0 && !isAll(hunks, "old_count")) throw problem("a new file has no old lines");
  if (new_path === null && hunks.length > 0 && !(hunks.length === 1 && hunks[0]?.at === 0 && hunks[0].new_count === 0))
    throw problem("a deleted file has no new lines");
  return file;
}

/** No path comes twice, and no file lies below another. */
function checkPaths(lines: PatchLines, files: readonly FilePatch[]): void {
  const seen = new Set<string>();
  for (const { old_path, new_path, patch_line } of files)
    for (const path of new Set([old_path, new_path])) {
      if (path === null) continue;
      if (seen.has(path)) throw lines.malformed(`${showPath(path)} is changed twice`, patch_line);
      seen.add(path);
    }
  const made = new Set(files.flatMap(({ new_path }) => (new_path === null ? [] : [new_path])));
  for (const { new_path, patch_line } of files) {
    if (new_path === null) continue;
    for (let cut = new_path.lastIndexOf("/"); cut > 0; cut = new_path.lastIndexOf("/", cut - 1))
      if (made.has(new_path.slice(0, cut)))
        throw lines.malformed(`${showPath(new_path)} is to lie below another file`, patch_line);
  }
}
