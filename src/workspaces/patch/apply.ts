/** Applies a unified diff to a guest's tree: every hunk at its own line, all files or none. */
import { PyroError } from "../../contract/errors.ts";
import { expectationOf } from "../../wire/tree-stat.ts";
import { walkTree } from "../../wire/tree-walk.ts";
import { type Change, writeTree } from "../../wire/tree-write.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import { readCurrent, tooLarge } from "./current.ts";
import type { FilePatch } from "./file-patch.ts";
import { patchLimits } from "./limits.ts";
import { type CurrentFiles, isApplied, type NewFile, outcomeOf } from "./outcome.ts";
import { parsePatch } from "./parse.ts";

/** Most directories that may go beside the files that lie in them */
const MAX_DIRECTORIES = 10_000;

export interface PatchRequest {
  readonly tree: GuestTree;
  readonly patch: string;
  readonly signal: AbortSignal;
}

export interface PatchedFile {
  readonly path: string;
  readonly status: "added" | "modified" | "deleted" | "renamed";
  /** Where a renamed file was; null for the others */
  readonly old_path: string | null;
  readonly additions: number;
  readonly deletions: number;
}

/**
 * Checks the whole patch against the current files, then changes all of them at once. Raises `patch_malformed`, `patch_unsupported`,
 * `patch_does_not_fit`, `patch_already_applied`, `path_escape`, `path_changed`, `too_large`, and what writing a tree raises; nothing is written then.
 */
export async function applyPatch({ tree, patch, signal }: PatchRequest): Promise<{ files: readonly PatchedFile[] }> {
  const files = parsePatch(patch);
  const paths = files.flatMap(({ old_path, new_path }) => [old_path, new_path]).filter((path) => path !== null);
  const current = await readCurrent(tree, [...new Set(paths)], signal);
  const cleared = await clearedDirectories(files, current, tree, signal);
  const outcomes = checkedOutcomes(files, current, cleared);
  const changes = [...deletions(files, current, cleared), ...additions(outcomes, current)];
  await writeTree(tree.agent, { root: tree.root, dest: "", replace: true }, changes, treeCall(tree, signal));
  return { files: files.map(summaryOf) };
}

/** What becomes of each file; raises where one does not fit, and where all of them may have been patched before. */
function checkedOutcomes(
  files: readonly FilePatch[],
  current: CurrentFiles,
  cleared: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<FilePatch, NewFile | null> {
  const outcomes = new Map<FilePatch, NewFile | null>();
  let problem: PyroError | undefined;
  let total_bytes = 0;
  for (const file of files) {
    const outcome = outcomeOf(file, current, (directory) => cleared.has(directory));
    if (outcome instanceof PyroError) problem ??= outcome;
    else outcomes.set(file, outcome);
    if (outcome instanceof PyroError || outcome === null) continue;
    total_bytes += outcome.content.length;
    if (outcome.content.length > patchLimits.file_bytes) throw tooLarge("a file would become", patchLimits.file_bytes);
    if (total_bytes > patchLimits.total_bytes) throw tooLarge("the files would become", patchLimits.total_bytes);
  }
  const areApplied = files.every((file) => isApplied(file, current));
  if (areApplied) throw alreadyApplied(problem === undefined);
  if (problem !== undefined) throw problem;
  return outcomes;
}

function alreadyApplied(wouldFitAgain: boolean): PyroError {
  const message = "all files are what the patch would make of them";
  if (!wouldFitAgain) return new PyroError("patch_already_applied", message);
  return new PyroError("patch_already_applied", `${message}, though it would fit once more`, {
    hint: "If it was not applied before, make it anew with more lines of context",
  });
}

/** Directories in whose place a file is to come and that hold nothing but what the patch takes away, each with its inner ones, inner ones first. */
async function clearedDirectories(
  files: readonly FilePatch[],
  current: CurrentFiles,
  tree: GuestTree,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const going = new Set(files.flatMap(({ old_path, new_path }) => (old_path === new_path ? [] : [old_path])));
  const cleared = new Map<string, readonly string[]>();
  for (const { new_path } of files) {
    if (new_path === null || current.get(new_path)?.stat.kind !== "directory") continue;
    const directories = [new_path];
    let isCleared = true;
    const request = { root: tree.root, path: new_path, recursive: true, max_entries: going.size + MAX_DIRECTORIES };
    const take = (entries: readonly { readonly path: string; readonly kind: string }[]) => {
      for (const { path, kind } of entries)
        if (kind === "directory") directories.push(path);
        else isCleared &&= going.has(path);
    };
    const { cut, unlisted } = await walkTree(tree.agent, request, take, treeCall(tree, signal));
    if (isCleared && !cut && unlisted === 0) cleared.set(new_path, directories.reverse());
  }
  return cleared;
}

function* deletions(
  files: readonly FilePatch[],
  current: CurrentFiles,
  cleared: ReadonlyMap<string, readonly string[]>,
): Generator<Change> {
  for (const { old_path, new_path } of files)
    if (old_path !== null && old_path !== new_path)
      yield { path: old_path, kind: "delete", expect: expected(old_path, current) };
  for (const directories of cleared.values()) for (const path of directories) yield { path, kind: "delete" };
}

function* additions(outcomes: ReadonlyMap<FilePatch, NewFile | null>, current: CurrentFiles): Generator<Change> {
  for (const [{ new_path }, outcome] of outcomes) {
    if (new_path === null || outcome === null) continue;
    yield {
      path: new_path,
      kind: "file",
      mode: outcome.mode,
      size_bytes: outcome.content.length,
      link_target: null,
      content: async function* () {
        yield Buffer.from(outcome.content, "latin1");
      },
      expect: expected(new_path, current),
    };
  }
}

function expected(path: string, current: CurrentFiles): NonNullable<Change["expect"]> {
  const there = current.get(path);
  return there === undefined ? { state: "absent" } : expectationOf(there.stat);
}

function summaryOf({ old_path, new_path, hunks }: FilePatch): PatchedFile {
  const sum = (of: "additions" | "deletions") => hunks.reduce((total, hunk) => total + hunk[of], 0);
  const isRenamed = old_path !== null && new_path !== null && old_path !== new_path;
  return {
    path: new_path ?? old_path ?? "",
    status: statusOf(old_path, new_path),
    old_path: isRenamed ? old_path : null,
    additions: sum("additions"),
    deletions: sum("deletions"),
  };
}

function statusOf(old_path: string | null, new_path: string | null): PatchedFile["status"] {
  if (old_path === null) return "added";
  if (new_path === null) return "deleted";
  return old_path === new_path ? "modified" : "renamed";
}
