/** Files that cross between the host and a running workspace: pushed in as a whole, exported as a whole. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { treeLimits } from "../../contract/tree-check.ts";
import { pathInWorkspace, shownInWorkspace } from "../../contract/workspace-paths.ts";
import { withDeadline } from "../../platform/deadline.ts";
import { failpoint } from "../../platform/failpoint.ts";
import { walkTree } from "../../wire/tree-walk.ts";
import { writeTree } from "../../wire/tree-write.ts";
import { type Exported, exportFile, exportTree } from "../export/export.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import type { WorkContext } from "../machine-source.ts";
import { openSeed } from "../seed/open.ts";
import type { Skipped } from "../seed/source.ts";
import { statOf } from "./files.ts";
import { guestEntries } from "./guest-entries.ts";
import type { LiveWorkspace } from "./live-workspace.ts";
import { SecondLook } from "./second-look.ts";
import { counted, tellSummary } from "./seeding.ts";

/** Longest time that an export may take, in milliseconds: the guest decides how fast it sends. */
const EXPORT_MS = 15 * 60_000;

export interface PushInput {
  /** Absolute host path of a directory or archive */
  readonly source: string;
  readonly dest: string;
}

export interface Pushed {
  readonly dest: string;
  readonly origin_kind: string;
  readonly origin_ref: string | null;
  readonly commit: string | null;
  readonly entry_count: number;
  readonly bytes_written: number;
  readonly skipped: readonly Skipped[];
  readonly verification: "verified" | "unverified";
  /** Files that were read again and are what was sent */
  readonly verified_count: number;
  readonly unverified: readonly string[];
}

export interface ExportInput {
  readonly path: string;
  /** Absolute host path */
  readonly output: string;
  readonly force: boolean;
}

export interface ExportResult {
  readonly path: string;
  readonly output: string;
  readonly artifact_type: "file" | "directory";
  readonly entry_count: number;
  readonly bytes_written: number;
  readonly skipped_links: readonly { readonly path: string; readonly link_target: string }[];
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
  readonly omitted: readonly string[];
  readonly changed_during_export: readonly string[];
  readonly review_before_trusting: readonly string[];
}

/** Lays a tree over the workspace's. */
export async function pushTree(workspace: LiveWorkspace, input: PushInput, context: WorkContext): Promise<Pushed> {
  const dest = pathInWorkspace(input.dest);
  const { paths } = workspace.host.store;
  paths.prepareCache();
  const source = await openSeed(input.source, { paths, env: workspace.host.env, signal: context.signal });
  const look = new SecondLook();
  const { written, unverified } = await workspace.changeTree(context.signal, async (tree) => {
    const entries = look.pass(counted(source.entries, "Pushing", context));
    const request = { root: tree.root, dest, replace: true };
    const written = await writeTree(tree.agent, request, entries, treeCall(tree, context.signal));
    await failpoint("sync.swapped");
    return { written, unverified: await look.unverified(tree, dest, context.signal) };
  });
  await failpoint("sync.reply");
  await tellUnverified(unverified, context);
  const { origin_kind, origin_ref, commit, skipped } = await tellSummary(source, context);
  workspace.journal.note({
    kind: "sync",
    dest: shownInWorkspace(dest),
    entry_count: written.entries,
    bytes: written.bytes,
  });
  return {
    dest: shownInWorkspace(dest),
    origin_kind,
    origin_ref,
    commit,
    entry_count: written.entries,
    bytes_written: written.bytes,
    skipped,
    verification: unverified.length === 0 ? "verified" : "unverified",
    verified_count: look.file_count - unverified.length,
    unverified,
  };
}

async function tellUnverified(paths: readonly string[], { emit }: WorkContext): Promise<void> {
  for (const path of paths)
    await emit({ type: "warning", message: `${showPath(path)} is not in the workspace as it was sent` });
}

/** Writes a file or directory of the workspace to the host. */
export async function exportPath(
  workspace: LiveWorkspace,
  input: ExportInput,
  context: WorkContext,
): Promise<ExportResult> {
  const path = pathInWorkspace(input.path);
  const result = await withDeadline(EXPORT_MS, context.signal, (signal) =>
    workspace.readTree((tree) => exportFrom(workspace, tree, path, input, { ...context, signal })),
  );
  workspace.journal.note({
    kind: "export",
    path: shownInWorkspace(path),
    output: input.output,
    bytes: result.bytes_written,
  });
  return result;
}

async function exportFrom(
  workspace: LiveWorkspace,
  tree: GuestTree,
  path: string,
  input: ExportInput,
  context: WorkContext,
): Promise<ExportResult> {
  const { signal } = context;
  const skipped: { path: string; reason: string }[] = [];
  const changed_during_export: string[] = [];
  const kind = await kindOf(tree, path, signal);
  const paths = kind === "file" ? [path] : await pathsBelow(tree, path, signal);
  const entries = guestEntries(tree, paths, {
    below: kind === "file" ? "" : path,
    signal,
    onChanged: (changed) => changed_during_export.push(changed),
    onSkipped: (left_out, reason) => skipped.push({ path: left_out, reason }),
  });
  const baseline = workspace.baseline();
  const isSeeded = (inner: string, sha256: string) => {
    const below = kind === "file" || path === "" ? inner : `${path}/${inner}`;
    return baseline?.find(below)?.sha256 === sha256;
  };
  const options = { force: input.force, signal, isSeeded };
  let exported: Exported;
  if (kind === "directory") exported = await exportTree(counted(entries, "Exporting", context), input.output, options);
  else {
    const first = await entries.next();
    if (first.done === true) throw new PyroError("path_changed", `${showPath(path)} was there a moment ago`);
    exported = await exportFile(first.value, input.output, options);
    await entries.return(undefined);
  }
  await failpoint("export.renamed");
  const { entries: entry_count, ...rest } = exported;
  return {
    path: shownInWorkspace(path),
    output: input.output,
    artifact_type: kind,
    entry_count,
    skipped,
    changed_during_export,
    ...rest,
  };
}

async function kindOf(tree: GuestTree, path: string, signal: AbortSignal): Promise<"file" | "directory"> {
  if (path === "") return "directory";
  const shown = shownInWorkspace(path);
  const { kind } = await statOf(tree, path, shown, signal);
  if (kind === "file" || kind === "directory") return kind;
  const why = kind === "symlink" ? "is a symlink; name what it points to" : "is neither file nor directory";
  throw new PyroError("unsupported_type", `${showPath(shown)} ${why}`);
}

async function pathsBelow(tree: GuestTree, path: string, signal: AbortSignal): Promise<string[]> {
  const paths: string[] = [];
  const request = { root: tree.root, path, recursive: true, max_entries: treeLimits.entries };
  const end = await walkTree(
    tree.agent,
    request,
    (entries) => void paths.push(...entries.map((entry) => entry.path)),
    treeCall(tree, signal),
  );
  if (!end.cut && end.unlisted === 0) return paths;
  throw new PyroError(
    "too_large",
    `${showPath(shownInWorkspace(path))} has more entries, or lies deeper, than an export takes`,
  );
}
