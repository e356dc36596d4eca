/** What hunks make of a file, and where they do not fit. */
import { describe, expect, it } from "vitest";
import { applyHunks, reversed } from "./fit.ts";
import { parsePatch } from "./parse.ts";

describe("hunks", () => {
  const hunks = (...lines: readonly string[]) =>
    parsePatch(["--- a/f", "+++ b/f", ...lines, ""].join("\n"))[0]?.hunks ?? [];
  const result = (content: string, ...lines: readonly string[]) => {
    const applied = applyHunks(content, hunks(...lines));
    return typeof applied === "string" ? applied : "misfit";
  };

  it.each([
    ["x\n", ["@@ -1 +1 @@", "-x", "+y"], "y\n"],
    ["x", ["@@ -1 +1 @@", "-x", "+y"], "misfit"],
    ["x", ["@@ -1 +1 @@", "-x", "\\ No newline", "+y"], "y\n"],
    ["x\n", ["@@ -1 +1 @@", "-x", "\\ No newline", "+y"], "misfit"],
    ["xx\n", ["@@ -1 +1 @@", "-x", "\\ No newline", "+y"], "misfit"],
    ["x\nz\n", ["@@ -1 +1 @@", "-x", "+y", "\\ No newline"], "misfit"],
    ["x\r\n", ["@@ -1 +1 @@", "-x", "+y"], "misfit"],
    ["x\r\n", ["@@ -1 +1 @@", "-x\r", "+y\r"], "y\r\n"],
    ["a\nx\n", ["@@ -1 +1 @@", "-x", "+y"], "misfit"],
    ["a\nx\n", ["@@ -2 +2 @@", "-x", "+y"], "a\ny\n"],
    ["a\n", ["@@ -2 +2 @@", "-x", "+y"], "misfit"],
    ["a\n", ["@@ -1000000000 +1 @@", "-x", "+y"], "misfit"],
    ["", ["@@ -0,0 +1 @@", "+y"], "y\n"],
    ["x\n", ["@@ -0,0 +1 @@", "+y"], "misfit"],
    ["x\n", ["@@ -1,0 +2 @@", "+y"], "misfit"],
    ["x\n", ["@@ -1 +0,0 @@", "-x"], ""],
    ["x\nx\n", ["@@ -1 +0,0 @@", "-x"], "misfit"],
    ["a\nb\nc\nd\n", ["@@ -1,2 +1 @@", "-a", " b", "@@ -3,2 +2,3 @@", " c", "+x", " d"], "b\nc\nx\nd\n"],
    ["\xff\nx\n", ["@@ -2 +2 @@", "-x", "+y"], "\xff\ny\n"],
  ])("make of %j with %j %j", (content, lines, expected) => {
    expect(result(content, ...lines)).toBe(expected);
  });

  it("are taken back by their reverse", () => {
    const these = hunks("@@ -1,2 +1 @@", "-a", " b", "@@ -3,2 +2,3 @@", " c", "+x", " d");
    const applied = applyHunks("a\nb\nc\nd\n", these);
    expect(typeof applied === "string" && applyHunks(applied, reversed(these))).toBe("a\nb\nc\nd\n");
  });
});
