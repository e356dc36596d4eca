/** Tells what differs between a baseline and the listing of a guest's tree, both in order, without holding either. */
import { comparePaths } from "../../contract/path-bytes.ts";
import type { TreeStat, WalkEntry } from "../../wire/tree-stat.ts";
import type { BaselineEntry } from "../baseline/index-document.ts";
import type { GuestStamp } from "../baseline/stamps.ts";
import { gitPathIn } from "../export/git-names.ts";
import { isGitModulesPath, type LeftOut, type LeftOutReason } from "./left-out.ts";

export type DiffStatus = "added" | "modified" | "deleted" | "type_changed";

/** A path at which something other than a directory was, or is. */
export interface TreeChange {
  readonly path: string;
  readonly status: DiffStatus;
  /** The file or symlink that was seeded */
  readonly before: BaselineEntry | undefined;
  /** The file or symlink that is there */
  readonly after: WalkEntry | undefined;
  /** Whether the content must be read to know whether it changed */
  readonly isUnsure: boolean;
  /** Why it cannot be in a patch, where that shows without reading it */
  readonly leftOut: LeftOutReason | undefined;
}

/** Bits that a seed gives an entry; the others are taken away when it is written. */
export const SEEDED_BITS = 0o777;
const EXECUTABLE = 0o111;

/** The guest's word on a file, to be compared with its later word. */
export function stampOf({ size_bytes, mtime_ns, ctime_ns, inode }: TreeStat): GuestStamp {
  return { size: String(size_bytes), mtime_ns, ctime_ns, inode };
}

/** Mode of a file or symlink as git has it. */
export function gitMode({ kind, mode }: { readonly kind: string; readonly mode: number }): string {
  if (kind === "symlink") return "120000";
  return (mode & 0o100) === 0 ? "100644" : "100755";
}

/** Takes a listing, entry by entry in its order, then its end. */
export class Comparison {
  readonly changes: TreeChange[] = [];
  readonly notes: LeftOut[] = [];
  /** Empty directories of the guest; the place of one that could not be listed is among them */
  readonly emptyDirectories: string[] = [];
  readonly #entries: readonly BaselineEntry[];
  readonly #stamps: ReadonlyMap<string, GuestStamp>;
  #at = 0;
  /** A directory that nothing was listed of as yet */
  #open: { readonly path: string; readonly wasEmpty: boolean } | undefined;
  #gitDirectory: string | undefined;

  constructor(entries: readonly BaselineEntry[], stamps: ReadonlyMap<string, GuestStamp> | undefined) {
    this.#entries = entries;
    this.#stamps = stamps ?? new Map();
  }

  take(after: WalkEntry): void {
    if (this.#open !== undefined && !after.path.startsWith(`${this.#open.path}/`)) this.#closeEmpty(this.#open);
    this.#open = undefined;
    let before = this.#entries[this.#at];
    while (before !== undefined && comparePaths(before.path, after.path) < 0) {
      this.#gone(before);
      this.#at += 1;
      before = this.#entries[this.#at];
    }
    const isSame = before?.path === after.path;
    this.#compare(isSame ? before : undefined, after);
    if (isSame) this.#at += 1;
  }

  end(): void {
    if (this.#open !== undefined) this.#closeEmpty(this.#open);
    for (; this.#at < this.#entries.length; this.#at += 1) {
      const before = this.#entries[this.#at];
      if (before !== undefined) this.#gone(before);
    }
  }

  #gone(before: BaselineEntry): void {
    const { path, kind } = before;
    if (this.#isInGitDirectory(path, true)) return;
    if (kind !== "directory") this.#change("deleted", before, undefined);
    else if (this.#isEmptyInBaseline()) this.notes.push({ path, reason: "empty_directory" });
  }

  #compare(before: BaselineEntry | undefined, after: WalkEntry): void {
    const { path } = after;
    if (this.#isInGitDirectory(path, this.#differs(before, after))) return;
    this.#comparePermissions(before, after);
    if (after.kind === "directory") {
      this.#open = { path, wasEmpty: before?.kind === "directory" && this.#isEmptyInBaseline() };
      if (before !== undefined && before.kind !== "directory") this.#change("type_changed", before, undefined);
      return;
    }
    if (before === undefined) this.#change("added", undefined, after);
    else if (before.kind !== after.kind)
      this.#change("type_changed", before.kind === "directory" ? undefined : before, after);
    else if (this.#differs(before, after) || gitMode(before) !== gitMode(after))
      this.#change("modified", before, after);
  }

  #change(status: DiffStatus, before: BaselineEntry | undefined, after: WalkEntry | undefined): void {
    const path = before?.path ?? after?.path ?? "";
    const isFile = before?.kind === "file" && after?.kind === "file" && before.size_bytes === after.size_bytes;
    const isUnsure = isFile && !this.#isStamped(after);
    this.changes.push({ path, status, before, after, isUnsure, leftOut: leftOutAtOnce(before, after) });
  }

  /** Whether something shows that is not the same, or the content of a file is not known to be. */
  #differs(before: BaselineEntry | undefined, after: WalkEntry): boolean {
    if (before === undefined || before.kind !== after.kind) return true;
    if (after.kind === "symlink") return before.link_target !== after.link_target;
    return after.kind === "file" && (before.size_bytes !== after.size_bytes || !this.#isStamped(after));
  }

  #isStamped(after: WalkEntry): boolean {
    const known = this.#stamps.get(after.path);
    if (known === undefined) return false;
    const { size, mtime_ns, ctime_ns, inode } = stampOf(after);
    return [known.size === size, known.mtime_ns === mtime_ns, known.ctime_ns === ctime_ns, known.inode === inode].every(
      Boolean,
    );
  }

  #comparePermissions(before: BaselineEntry | undefined, after: WalkEntry): void {
    if (after.kind === "symlink" || after.kind === "other") return;
    const was = before?.kind === after.kind ? unusual(before.kind, before.mode & SEEDED_BITS) : 0;
    if (was !== unusual(after.kind, after.mode)) this.notes.push({ path: after.path, reason: "permissions" });
  }

  /** Whether the baseline has nothing in the directory that is due. */
  #isEmptyInBaseline(): boolean {
    const directory = this.#entries[this.#at]?.path ?? "";
    return !this.#entries[this.#at + 1]?.path.startsWith(`${directory}/`);
  }

  #closeEmpty({ path, wasEmpty }: { readonly path: string; readonly wasEmpty: boolean }): void {
    this.emptyDirectories.push(path);
    if (!wasEmpty) this.notes.push({ path, reason: "empty_directory" });
  }

  /** Notes a Git directory once, with the first thing that differs in it. */
  #isInGitDirectory(path: string, differs: boolean): boolean {
    const directory = gitPathIn(path);
    if (directory === undefined) return false;
    if (!differs || directory === this.#gitDirectory) return true;
    this.#gitDirectory = directory;
    this.notes.push({ path: directory, reason: "git_directory" });
    return true;
  }
}

function leftOutAtOnce(before: BaselineEntry | undefined, after: WalkEntry | undefined): LeftOutReason | undefined {
  if (after?.kind === "other") return "special_file";
  const isLink = before?.kind === "symlink" || after?.kind === "symlink";
  return isLink && isGitModulesPath(before?.path ?? after?.path ?? "") ? "git_modules_link" : undefined;
}

/** The bits of a mode by which it is not what a patch makes of it. */
function unusual(kind: string, mode: number): number {
  if (kind === "directory") return mode ^ 0o755;
  return mode ^ ((mode & 0o100) === 0 ? 0o644 : 0o644 | EXECUTABLE);
}
