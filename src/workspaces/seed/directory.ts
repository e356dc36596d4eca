/** A directory as a seed: all of it, or what git tracks or does not ignore where it is a checkout. */
import { join, relative } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { decodePath, encodePath, showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { TreeCheck } from "../../contract/tree-check.ts";
import { locateProgram } from "../../platform/programs.ts";
import { type Checkout, commitOf, findCheckout, nestedGitDirectory } from "./git-directory.ts";
import { isStaged, type ListOptions, listCheckout } from "./git-listing.ts";
import { LfsPointers } from "./lfs-pointers.ts";
import { openSeedDirectory } from "./opening.ts";
import { namesOf, Selection } from "./selection.ts";
import type { SeedOptions, SeedSource, SeedSummary, Skipped } from "./source.ts";
import { walk } from "./walk.ts";

const GIT = ".git";
const SLASH = 0x2f;

/** What is known of a directory before its files are read. */
interface Plan {
  readonly summary: SeedSummary;
  readonly selection?: Selection;
}

/** The seed in a directory, given without symlinks in its path. */
export async function openDirectorySeed(path: string, options: SeedOptions): Promise<SeedSource> {
  const { summary, selection } = await plan(path, options);
  const skipped: Skipped[] = [...summary.skipped];
  const lfs = new LfsPointers();
  const entries = lfs.pass(read(path, selection, skipped, options));
  const isCheckout = summary.origin_kind === "git_checkout";
  const notes = () => (isCheckout ? [...summary.notes, ...lfs.notes()] : summary.notes);
  const count = () => (isCheckout ? lfs.count : 0);
  const told = () => ({ skipped: [...skipped], lfs_pointer_count: count(), notes: notes() });
  return { entries, summary: () => ({ ...summary, ...told() }) };
}

async function* read(
  path: string,
  selection: Selection | undefined,
  skipped: Skipped[],
  { paths, signal, limits }: SeedOptions,
): AsyncGenerator<SourceEntry> {
  const root = openSeedDirectory(path);
  if (root === undefined) throw new PyroError("seed_not_found", `${showPath(path)} is no longer a directory`);
  try {
    const onSkip = (at: string, reason: Skipped["reason"]) => void skipped.push({ path: at, reason });
    yield* walk({ root, check: new TreeCheck(limits), scratch: paths.building, signal, selection, onSkip });
  } finally {
    root.close();
  }
}

async function plan(path: string, options: SeedOptions): Promise<Plan> {
  const nothing = { commit: null, dirty: null, skipped: [], lfs_pointer_count: 0, notes: [] };
  const whole: SeedSummary = { origin_kind: "directory", origin_ref: path, ...nothing };
  const checkout = findCheckout(path);
  if (checkout === undefined) return { summary: whole };
  const git = options.git === undefined ? locateProgram("git") : options.git;
  if (git === undefined || git === null) return { summary: { ...whole, notes: [withoutGit(path)] } };
  const skipped: Skipped[] = [];
  const below = relative(checkout.root, path);
  const { selection: all, isChanged } = await select(checkout, below, { ...options, git }, skipped);
  const selection = below === "" ? all : all.find(encodePath(below));
  if (selection === undefined || (below !== "" && selection.names().length === 0))
    return { summary: { ...whole, notes: [`Git ignores ${showPath(path)}, so all of it was taken`] } };
  const commit = commitOf(checkout.git);
  const dirty = await isDirty(checkout, commit, isChanged, { ...options, git });
  return { summary: { ...whole, origin_kind: "git_checkout", commit, dirty, skipped }, selection };
}

function withoutGit(path: string): string {
  return `${showPath(path)} is a Git checkout, but git is not installed, so ignored files and .git were taken as well`;
}

/** Whether what is taken differs from the commit; null where there is none to compare with. */
async function isDirty(
  checkout: Checkout,
  commit: string | null,
  isChanged: boolean,
  options: ListOptions,
): Promise<boolean | null> {
  if (commit === null) return null;
  return isChanged || isStaged(checkout, commit, options);
}

interface Selected {
  readonly selection: Selection;
  /** Something is not as it is in its index, or in none */
  readonly isChanged: boolean;
}

/** Everything that git names, in the checkout and in the repositories inside it. */
async function select(checkout: Checkout, below: string, options: ListOptions, skipped: Skipped[]): Promise<Selected> {
  let isAnyChanged = false;
  const selection = new Selection();
  const waiting: { checkout: Checkout; prefix: Buffer; below: string }[] = [
    { checkout, prefix: Buffer.alloc(0), below },
  ];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const { path, isRepository, isChanged } of await listCheckout(next.checkout, next.below, options)) {
      isAnyChanged ||= isChanged;
      if (namesOf(path).some((name) => name.toString("latin1").toLowerCase() === GIT)) continue;
      const full = Buffer.concat([next.prefix, path]);
      const { isListed } = selection.add(full);
      if (!isRepository || isListed) continue;
      const bare = full.at(-1) === SLASH ? full.subarray(0, -1) : full;
      const root = join(checkout.root, decodePath(bare));
      const git = nestedGitDirectory(root);
      const prefix = Buffer.concat([bare, Buffer.of(SLASH)]);
      if (git !== undefined) waiting.push({ checkout: { root, git }, prefix, below: "" });
      else skipped.push({ path: decodePath(bare), reason: "submodule_not_checked_out" });
    }
  }
  return { selection, isChanged: isAnyChanged };
}
