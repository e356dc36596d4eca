/** Listings of a workspace's files, in portions: where one ends, its cursor says where the next begins. */
import { PyroError } from "../../contract/errors.ts";
import { decodePath, encodePath } from "../../contract/path-bytes.ts";
import { pathInWorkspace, shownInWorkspace } from "../../contract/workspace-paths.ts";
import { pathProblem } from "../../wire/paths.ts";
import type { WalkEntry } from "../../wire/tree-stat.ts";
import { walkTree } from "../../wire/tree-walk.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import type { WorkContext } from "../machine-source.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Most entries of one listing. */
const MAX_LISTED = 10_000;
const NS_PER_MS = 1_000_000n;

export interface FileEntry {
  readonly path: string;
  readonly artifact_type: "file" | "directory" | "symlink" | "other";
  readonly size_bytes: number;
  readonly modified_at: string;
  readonly link_target: string | null;
}

export interface FileListing {
  readonly path: string;
  readonly entries: readonly FileEntry[];
  /** Where the next listing begins; null where there are no more */
  readonly next_cursor: string | null;
  readonly truncated: boolean;
}

export interface ListInput {
  readonly path: string;
  readonly recursive: boolean;
  /** An earlier listing's `next_cursor` */
  readonly cursor?: string | undefined;
  /** Fewer entries than there may be at most */
  readonly max_entries?: number | undefined;
}

export function listFiles(workspace: LiveWorkspace, input: ListInput, { signal }: WorkContext): Promise<FileListing> {
  const path = pathInWorkspace(input.path);
  return workspace.readTree((tree) => listTree(tree, path, input, shownInWorkspace, signal));
}

/** Lists a tree, each path shown as `shown` gives it. */
export async function listTree(
  tree: GuestTree,
  path: string,
  { recursive, cursor, max_entries = MAX_LISTED }: Omit<ListInput, "path">,
  shown: (path: string) => string,
  signal: AbortSignal,
): Promise<FileListing> {
  const entries: FileEntry[] = [];
  let last: string | undefined;
  const note = (found: readonly WalkEntry[]) => {
    entries.push(...found.map((entry) => fileEntry(entry, shown)));
    last = found.at(-1)?.path ?? last;
  };
  const after = cursor === undefined ? undefined : placeOf(cursor, path, recursive);
  const request = { root: tree.root, path, recursive, max_entries, after };
  const end = await walkTree(tree.agent, request, note, treeCall(tree, signal));
  const next_cursor = end.cut && last !== undefined ? cursorAt(last, path) : null;
  return { path: shown(path), entries, next_cursor, truncated: end.cut || end.unlisted > 0 };
}

/** The bytes of an entry's path as seen from the directory that is listed. */
function cursorAt(entry: string, path: string): string {
  return encodePath(path === "" ? entry : entry.slice(path.length + 1)).toString("base64url");
}

function placeOf(cursor: string, path: string, recursive: boolean): string {
  const inner = decodePath(Buffer.from(cursor, "base64url"));
  const place = path === "" ? inner : `${path}/${inner}`;
  if (pathProblem(inner) === undefined && pathProblem(place) === undefined && (recursive || !inner.includes("/")))
    return place;
  throw new PyroError("invalid_input", `${JSON.stringify(cursor)} is not the cursor of a listing of this directory`);
}

function fileEntry(
  { path, kind, size_bytes, mtime_ns, link_target }: WalkEntry,
  shown: (path: string) => string,
): FileEntry {
  return { path: shown(path), artifact_type: kind, size_bytes, modified_at: timeOf(mtime_ns), link_target };
}

/** A guest's time as ISO 8601; what lies outside of that is cut to its ends. */
function timeOf(mtime_ns: string): string {
  const ms = BigInt(mtime_ns) / NS_PER_MS;
  const MAX = 8_640_000_000_000_000n;
  return new Date(Number(ms > MAX ? MAX : ms < -MAX ? -MAX : ms)).toISOString();
}
