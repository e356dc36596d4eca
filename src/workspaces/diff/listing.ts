/** Lists a guest's tree against its baseline, and finds out which directories could not be listed. */
import { PyroError } from "../../contract/errors.ts";
import { type WalkEnd, walkTree } from "../../wire/tree-walk.ts";
import type { Baseline } from "../baseline/baseline.ts";
import type { SeedStamps } from "../baseline/stamps.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import { Comparison, type TreeChange } from "./comparison.ts";
import { knownTree } from "./known.ts";
import type { LeftOut } from "./left-out.ts";
import { diffLimits } from "./limits.ts";

/** Depth at which a guest lists no further */
const MAX_DEPTH = 256;

export interface ListedChanges {
  readonly changes: readonly TreeChange[];
  readonly notes: readonly LeftOut[];
}

/** What differs as far as a listing shows it, in the order of the tree. */
export async function listChanges(
  tree: GuestTree,
  baseline: Baseline | undefined,
  seeded: SeedStamps | undefined,
  signal: AbortSignal,
): Promise<ListedChanges> {
  const comparison = new Comparison(baseline?.entries ?? [], seeded?.stamps);
  const known = knownTree(baseline, seeded);
  const request = { root: tree.root, path: "", recursive: true, max_entries: diffLimits.listed_entries, known };
  const end = await walkTree(
    tree.agent,
    request,
    (entries) => {
      for (const entry of entries) comparison.take(entry);
    },
    treeCall(tree, signal),
  );
  comparison.end();
  checkWhole(end);
  const { changes, notes } = comparison;
  if (end.unlisted === 0) return { changes, notes };
  const unlisted = await unlistedAmong(comparison.emptyDirectories, tree, signal);
  return withoutUnlisted({ changes, notes }, unlisted);
}

function checkWhole({ cut }: WalkEnd): void {
  const limit = diffLimits.listed_entries;
  if (cut)
    throw new PyroError("too_large", `the workspace has more than ${limit.toLocaleString("en-US")} entries`, {
      details: { limit },
    });
}

/** Those that are not empty in truth. */
async function unlistedAmong(directories: readonly string[], tree: GuestTree, signal: AbortSignal): Promise<string[]> {
  const unlisted: string[] = [];
  for (const path of directories) {
    // What lies deeper than that has no name on the wire.
    const isListable = path.split("/").length < MAX_DEPTH && (await canBeListed(path, tree, signal));
    if (!isListable) unlisted.push(path);
  }
  return unlisted;
}

async function canBeListed(path: string, tree: GuestTree, signal: AbortSignal): Promise<boolean> {
  const request = { root: tree.root, path, recursive: false, max_entries: 1 };
  try {
    return (await walkTree(tree.agent, request, () => {}, treeCall(tree, signal))).unlisted === 0;
  } catch (thrown) {
    // A refusal names the agent's own code; without one the guest itself is lost.
    if (thrown instanceof PyroError && "agent_code" in thrown.details) return false;
    throw thrown;
  }
}

/** What lies in a directory that cannot be listed is unknown, and not deleted. */
function withoutUnlisted({ changes, notes }: ListedChanges, unlisted: readonly string[]): ListedChanges {
  const unknown = new Set(unlisted);
  const isKnown = ({ path }: { readonly path: string }) => !liesIn(path, unknown);
  return {
    changes: changes.filter(isKnown),
    notes: [
      ...notes.filter((note) => isKnown(note) && !(note.reason === "empty_directory" && unknown.has(note.path))),
      ...unlisted.map((path): LeftOut => ({ path, reason: "unreadable" })),
    ],
  };
}

/** Whether a directory above a path is among these. */
export function liesIn(path: string, directories: ReadonlySet<string>): boolean {
  if (directories.size === 0) return false;
  for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1))
    if (directories.has(path.slice(0, cut))) return true;
  return false;
}
