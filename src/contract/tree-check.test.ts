/** The rules of a tree, each with what it refuses. */
import { describe, expect, it } from "vitest";
import type { TreeEntry } from "./tree.ts";
import { checkTreePath, TreeCheck, treeLimits } from "./tree-check.ts";

const file = (path: string, size_bytes = 0): TreeEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  size_bytes,
  link_target: null,
});
const directory = (path: string): TreeEntry => ({ ...file(path), kind: "directory", mode: 0o755 });
const symlink = (path: string, link_target: string): TreeEntry => ({ ...file(path), kind: "symlink", link_target });

function admit(entries: readonly TreeEntry[], limits = treeLimits): void {
  const check = new TreeCheck(limits);
  for (const entry of entries) check.admit(entry);
}

describe("a path", () => {
  it.each([
    ["/etc/passwd", "path_escape"],
    ["../x", "path_escape"],
    ["a/../../x", "path_escape"],
    ["a//b", "tree_inconsistent"],
    ["./a", "tree_inconsistent"],
    ["", "tree_inconsistent"],
    ["a/", "tree_inconsistent"],
    ["a\0b", "tree_inconsistent"],
    ["\udce2\udc82\udcac", "tree_inconsistent"],
    ["x".repeat(256), "too_large"],
    ["é".repeat(128), "too_large"],
    [Array.from({ length: 65 }, () => "d").join("/"), "too_large"],
    [Array.from({ length: 17 }, () => "n".repeat(240)).join("/"), "too_large"],
  ])("%j is refused", (path, code) => {
    expect(() => checkTreePath(path)).toThrowError(expect.objectContaining({ code }));
  });

  it.each(["a", "..a/b..", "-rf", "a\\b", "x\ny", "\udcff", "x".repeat(255), "é".repeat(127)])(
    "%j is accepted",
    (path) => {
      expect(() => checkTreePath(path)).not.toThrow();
    },
  );
});

describe("a tree", () => {
  it.each([
    ["a link above", [symlink("a", "/out"), file("a/x")], "path_escape"],
    ["a link further above", [symlink("a", "/out"), file("a/b/x")], "path_escape"],
    ["a file above", [file("a"), file("a/x")], "tree_inconsistent"],
    ["no directory above", [file("a/x")], "tree_inconsistent"],
    ["a path twice", [file("a"), file("a")], "duplicate_entry"],
    ["a change of type", [directory("d"), file("d/ok"), symlink("d", "../out")], "duplicate_entry"],
    ["a directory with a size", [{ ...directory("d"), size_bytes: 1 }], "tree_inconsistent"],
    ["a negative size", [file("f", -1)], "tree_inconsistent"],
    ["a broken size", [file("f", 0.5)], "tree_inconsistent"],
    ["a link to nothing", [symlink("l", "")], "tree_inconsistent"],
    ["a file with a target", [{ ...file("f"), link_target: "x" }], "tree_inconsistent"],
    ["too many bytes", [file("f", 2 ** 31), file("g", 1)], "too_large"],
  ] as const)("with %s is refused", (_, entries, code) => {
    expect(() => admit(entries)).toThrowError(expect.objectContaining({ code }));
  });

  it("with an unknown type is refused", () => {
    const fifo = JSON.parse('{"path":"p","kind":"fifo","mode":420,"size_bytes":0,"link_target":null}');
    expect(() => admit([fifo])).toThrowError(expect.objectContaining({ code: "unsupported_type" }));
  });

  it("with too many entries is refused, and the message says how many are too many", () => {
    const limits = { ...treeLimits, entries: 1_000 };
    const files = Array.from({ length: 1_001 }, (_, at) => file(`f${at}`));
    expect(() => admit(files.slice(1), limits)).not.toThrow();
    expect(() => admit(files, limits)).toThrowError(/more than 1,000 entries/);
  });
});
