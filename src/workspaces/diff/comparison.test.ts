/** What a listing shows of a tree beside its baseline, entry by entry. */
import { describe, expect, it } from "vitest";
import type { EntryKind } from "../../contract/tree.ts";
import type { WalkEntry } from "../../wire/tree-stat.ts";
import type { BaselineEntry } from "../baseline/index-document.ts";
import { Comparison, stampOf } from "./comparison.ts";
import { isGitModulesPath } from "./left-out.ts";

interface Shape {
  readonly path: string;
  readonly kind?: EntryKind | "other";
  readonly mode?: number;
  readonly size_bytes?: number;
  readonly link_target?: string | null;
}

const usual = (kind: string) => (kind === "directory" ? 0o755 : 0o644);

function seeded({ path, kind = "file", mode = usual(kind), size_bytes = 0, link_target = null }: Shape): BaselineEntry {
  return { path, kind: kind === "other" ? "file" : kind, mode, size_bytes, link_target, sha256: null, offset: 0 };
}

function listed({ path, kind = "file", mode = usual(kind), size_bytes = 0, link_target = null }: Shape): WalkEntry {
  return { path, kind, mode, size_bytes, link_target, mtime_ns: "1", ctime_ns: "2", inode: "3" };
}

function compare(before: readonly Shape[], after: readonly Shape[], stamped: readonly string[] = []) {
  const entries = after.map(listed);
  const stamps = new Map(
    entries.filter(({ path }) => stamped.includes(path)).map((entry) => [entry.path, stampOf(entry)]),
  );
  const comparison = new Comparison(before.map(seeded), stamps);
  for (const entry of entries) comparison.take(entry);
  comparison.end();
  return {
    changes: comparison.changes.map(({ path, status, isUnsure }) => `${status} ${path}${isUnsure ? "?" : ""}`),
    notes: comparison.notes.map(({ path, reason }) => `${reason} ${path}`),
  };
}

const directory = (path: string, mode = 0o755): Shape => ({ path, kind: "directory", mode });
const link = (path: string, link_target: string): Shape => ({ path, kind: "symlink", link_target });

describe("a comparison", () => {
  it("is sure of what has its stamp, and of what has another size", () => {
    const before = [{ path: "a" }, { path: "b" }, { path: "c" }];
    const after = [{ path: "a" }, { path: "b" }, { path: "c", size_bytes: 1 }];
    expect(compare(before, after, ["a"]).changes).toEqual(["modified b?", "modified c"]);
  });

  it("does not take a stamp for another's", () => {
    const stamp = stampOf(listed({ path: "a" }));
    for (const part of ["size", "mtime_ns", "ctime_ns", "inode"] as const) {
      const comparison = new Comparison([seeded({ path: "a" })], new Map([["a", { ...stamp, [part]: "9" }]]));
      comparison.take(listed({ path: "a" }));
      expect(comparison.changes).toHaveLength(1);
    }
  });

  it("finds what came, went and became something else, in the order of the tree", () => {
    const before = [directory("d"), { path: "d/x" }, { path: "e" }, link("l", "x"), link("m", "x"), { path: "z" }];
    const after = [{ path: "d" }, directory("e"), { path: "e/y" }, link("l", "x"), link("m", "y"), link("z", "x")];
    expect(compare(before, after)).toEqual({
      changes: ["type_changed d", "deleted d/x", "type_changed e", "added e/y", "modified m", "type_changed z"],
      notes: [],
    });
  });

  it("compares names as a walk does, not as text", () => {
    const before = [directory("b"), { path: "b/f" }, { path: "b-" }, { path: "\ue000" }, { path: "🦀" }];
    expect(compare(before, before, ["b/f", "b-", "\ue000", "🦀"])).toEqual({ changes: [], notes: [] });
  });

  it("notes permissions beyond the executable bit, but not those that no seed gives", () => {
    const before = [directory("d", 0o2755), directory("e"), { path: "f", mode: 0o4755 }, { path: "g" }, { path: "h" }];
    const after = [
      directory("d"),
      directory("e", 0o1777),
      { path: "f", mode: 0o755 },
      { path: "g", mode: 0o4644 },
      { path: "h", mode: 0o755 },
    ];
    const paths = ["f", "g", "h"];
    const { changes, notes } = compare(before, [...after, { path: "i", mode: 0o600 }], paths);
    expect(notes.filter((note) => note.startsWith("permissions"))).toEqual([
      "permissions e",
      "permissions g",
      "permissions i",
    ]);
    expect(changes).toEqual(["modified h", "added i"]);
  });

  it("notes empty directories that came or went, and no others", () => {
    const before = [
      directory("a"),
      directory("b"),
      { path: "b/f" },
      directory("c"),
      directory("d"),
      directory("e"),
      { path: "e/f" },
    ];
    const after = [directory("a"), directory("b"), directory("d"), { path: "d/f" }, directory("f"), directory("f/g")];
    expect(compare(before, after).notes).toEqual(["empty_directory b", "empty_directory c", "empty_directory f/g"]);
  });

  it("notes a Git directory once, where anything in it may have changed", () => {
    const inside = [
      directory(".git"),
      { path: ".git/HEAD" },
      { path: ".git/index" },
      directory("s"),
      { path: "s/.git" },
    ];
    expect(compare(inside, inside, [".git/HEAD", ".git/index", "s/.git"])).toEqual({ changes: [], notes: [] });
    expect(compare(inside, inside)).toEqual({ changes: [], notes: ["git_directory .git", "git_directory s/.git"] });
    expect(compare(inside, [directory("s")]).changes).toEqual([]);
    expect(compare([], inside).notes).toEqual(["git_directory .git", "git_directory s/.git"]);
  });
});

describe("the names that git takes for .gitmodules", () => {
  it.each([".gitmodules", "a/.GitModules", ".gitmodules ", ".gitmodules. .", ".gitmodules:x", "GITMOD~1", "gi7eba~3"])(
    "have %j among them",
    (path) => expect(isGitModulesPath(path)).toBe(true),
  );

  it.each(["gitmodules", ".gitmodules.bak", "x/.gitmodulesx", "gitmod"])("do not have %j", (path) =>
    expect(isGitModulesPath(path)).toBe(false),
  );
});
