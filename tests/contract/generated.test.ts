/** The generated files on disk are what the sources say; where they are not, `make generate` writes them. */
import { expect, it } from "vitest";
import { generatedFiles, staleFiles } from "../../tools/generated-files.ts";
import { REGENERATE } from "../../tools/reference/markdown.ts";
import { root } from "./sources.ts";

const files = generatedFiles();

it("is fresh", () => {
  expect(staleFiles(root, files), `stale generated files; run: ${REGENERATE}`).toEqual([]);
});

it("notices a file that differs or is missing", () => {
  const [first, second, ...others] = files;
  if (first === undefined || second === undefined) throw new Error("nothing is generated");
  const changed = [
    { ...first, content: `${first.content}x` },
    { ...second, path: `${second.path}.missing` },
    ...others,
  ];
  expect(staleFiles(root, changed)).toEqual(expect.arrayContaining([first.path, `${second.path}.missing`]));
});

it("gives the same bytes each time", () => {
  expect(generatedFiles()).toEqual(files);
});

it.each(files.map((file) => [file.path, file.content]))(
  "%s says where it comes from and ends with a newline",
  (path, content) => {
    if (path.endsWith(".md")) expect(content.split("\n")[0]).toContain(REGENERATE);
    expect(content.endsWith("\n")).toBe(true);
    expect(content.endsWith("\n\n")).toBe(false);
  },
);
