/** What changed in a running workspace since it was seeded, and changes that come as a patch. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { showPath } from "../../contract/path-bytes.ts";
import { ensureDirectory } from "../../platform/directories.ts";
import { remove } from "../../platform/files.ts";
import { readStamps, writeStamps } from "../baseline/stamps.ts";
import { type DiffEntry, diffTree } from "../diff/diff.ts";
import type { LeftOut } from "../diff/left-out.ts";
import type { WorkContext } from "../machine-source.ts";
import { applyPatch, type PatchedFile } from "../patch/apply.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** What is not in a patch is named one by one up to this many. */
const NAMED = 20;

export interface DiffInput {
  readonly binary: boolean;
  readonly max_patch_bytes: number;
}

export interface WorkspaceDiff {
  readonly entries: readonly DiffEntry[];
  readonly entry_count: number;
  readonly additions: number;
  readonly deletions: number;
  readonly patch: string;
  readonly truncated: boolean;
  readonly not_in_patch: readonly LeftOut[];
  readonly not_in_patch_count: number;
}

/** Compares the workspace with its baseline. */
export async function diffWorkspace(
  workspace: LiveWorkspace,
  input: DiffInput,
  context: WorkContext,
): Promise<WorkspaceDiff> {
  const diff = await workspace.readTree((tree) => compare(workspace, tree, input, context.signal));
  const cut = "The patch is cut: --max-patch-bytes takes more";
  if (diff.truncated) await context.emit({ type: "warning", message: cut });
  const { not_in_patch, not_in_patch_count } = diff;
  for (const { path, reason } of not_in_patch.slice(0, NAMED))
    await context.emit({ type: "warning", message: `${showPath(path)} is not in the patch: ${words(reason)}` });
  const more = not_in_patch_count - Math.min(NAMED, not_in_patch.length);
  if (more > 0) await context.emit({ type: "warning", message: `${more} more are not in the patch` });
  return diff;
}

/** The same without a word to anybody. */
export async function compare(
  workspace: LiveWorkspace,
  tree: Parameters<typeof diffTree>[0]["tree"],
  { binary, max_patch_bytes }: DiffInput,
  signal: AbortSignal,
): Promise<WorkspaceDiff> {
  const { baseline: directory, scratch } = workspace.paths;
  const own = join(scratch, randomBytes(8).toString("hex"));
  for (const path of [scratch, own]) ensureDirectory(path);
  try {
    const baseline = workspace.baseline();
    const { stamps, digests } = (baseline && readStamps(directory)) ?? {};
    const diff = await diffTree({ tree, baseline, stamps, digests, binary, scratch: own, signal, max_patch_bytes });
    const { stamps: improved, stamps_improved, ...shown } = diff;
    if (digests !== undefined && stamps_improved) writeStamps(directory, { stamps: improved, digests });
    return shown;
  } finally {
    remove(own);
  }
}

/** Applies a patch, all of it or nothing. */
export async function patchWorkspace(
  workspace: LiveWorkspace,
  { patch }: { readonly patch: string },
  { signal }: WorkContext,
): Promise<{ files: readonly PatchedFile[] }> {
  const patched = await workspace.changeTree(signal, (tree) => applyPatch({ tree, patch, signal }));
  const files = patched.files.slice(0, NAMED).map(({ path }) => path);
  workspace.journal.note({ kind: "patch", files, file_count: patched.files.length });
  return patched;
}

const words = (reason: string): string => reason.replaceAll("_", " ");
