/** Results cut to size: never larger than asked, ends kept, no character split, whatever the fields. */
import { describe, expect, it } from "vitest";
import { cutTo, sizeOf } from "./cut.ts";

const lines = Array.from({ length: 5_000 }, (_, at) => `line ${at}`).join("\n");

describe("cutTo", () => {
  it("leaves alone what fits", () => {
    const result = { exit_code: 0, stdout: "short" };
    expect(cutTo(result, 1_000, {})).toEqual({ result, fields: [] });
  });

  it("keeps head and tail, or the head alone", () => {
    const ends = cutTo({ stdout: lines }, 2_000, {});
    expect(ends.result["stdout"]).toMatch(/^line 0\n[\s\S]*characters left out\]\n[\s\S]*line 4999$/);
    expect(ends.fields).toEqual(["stdout"]);
    expect(cutTo({ content: lines }, 2_000, { content: "head" }).result["content"]).toMatch(/^line 0\n[^[]*$/);
  });

  it("keeps the first of a list, or the last", () => {
    const list = Array.from({ length: 1_000 }, (_, at) => ({ at }));
    expect(cutTo({ list }, 1_000, {}).result["list"]).toEqual(expect.arrayContaining([{ at: 0 }]));
    expect(cutTo({ list }, 1_000, { list: "last" }).result["list"]).toEqual(expect.arrayContaining([{ at: 999 }]));
  });

  it.each([
    ["quotes", { a: '"'.repeat(50_000) }],
    ["control characters", { a: "\u0001".repeat(50_000) }],
    ["characters of two halves", { a: "😀".repeat(50_000) }],
    ["several fields", { a: lines, b: lines, c: lines, d: 1 }],
    ["a list of long things", { a: [lines, lines, lines] }],
    ["a map of long things", { a: { one: lines, two: lines } }],
    ["things in things", { a: [{ b: [{ c: lines }] }], d: lines }],
  ])("fits %s", (_, result) => {
    for (const limit of [1_000, 4_000, 10_000]) {
      const cut = cutTo(result, limit, {});
      expect(sizeOf(cut.result)).toBeLessThanOrEqual(limit);
      expect(JSON.stringify(cut.result)).not.toMatch(/\\ud[89a-f]/i);
    }
  });
});
