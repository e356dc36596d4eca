/** Symlinks that stay in their tree, and the ways in which others leave it. */
import { expect, it } from "vitest";
import { leadsOutside } from "./tree-links.ts";

const judge = (links: Record<string, string>, path: string) => leadsOutside(path, new Map(Object.entries(links)));

it.each([
  [{ l: "/etc" }, "l"],
  [{ l: ".." }, "l"],
  [{ "a/l": "../../x" }, "a/l"],
  [{ "a/l": "b/../../../x" }, "a/l"],
  [{ "a/b/c/up": "../..", "a/b/escape": "c/up/../.." }, "a/b/escape"],
  [{ out: "/etc", l: "out/passwd" }, "l"],
  [{ one: "two", two: "three/..", three: "../x" }, "one"],
])("%j: %s leaves", (links, path) => {
  expect(judge(links, path)).toBe(true);
});

it.each([
  [{ l: "a/b" }, "l"],
  [{ "a/l": "../b" }, "a/l"],
  [{ "a/b/l": "../.." }, "a/b/l"],
  [{ "a/b/c/up": "../..", "a/b/l": "c/up/.." }, "a/b/l"],
  [{ l: "l" }, "l"],
  [{ one: "two", two: "one" }, "one"],
  [{ l: "missing/../x" }, "l"],
])("%j: %s stays", (links, path) => {
  expect(judge(links, path)).toBe(false);
});
