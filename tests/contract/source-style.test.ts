/** What every TypeScript file of the project keeps to, as far as a test can see it. */
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { type SourceFile, sourceFiles } from "./sources.ts";

const MAX_LINES = 300;

/** Files that may cast through `unknown`: where types are computed from the operations tree. */
const mayCastThroughUnknown: readonly string[] = ["src/sdk/pyro.ts"];

/** Written so that this file does not contain what it looks for. */
const unfinished = new RegExp(`\\b(${["TO", "FIX"].map((word, at) => word + ["DO", "ME"][at]).join("|")}|X{3})\\b`);
/** Directories of one developer's machine; `/root` and `/workspace` are the guest's. */
const machinePath = new RegExp(
  ["work", "home/\\w+", "Users/\\w+", "mnt/\\w+"].map((name) => `(?<![\\w.])/${name}/`).join("|"),
);

const files = sourceFiles("src", "tools", "tests", "bench");

const offenders = (offends: (file: SourceFile) => boolean) => files.filter(offends).map(({ path }) => path);

/** Places of syntax that a rule is against, as `file:line`; a file without the `word` of that syntax has none. */
function places(file: SourceFile, word: string, offends: (node: ts.Node) => boolean): string[] {
  const found: string[] = [];
  if (!new RegExp(`\\b${word}\\b`).test(file.text)) return found;
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    if (offends(node)) found.push(`${file.path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const isAny = (node: ts.Node) => node.kind === ts.SyntaxKind.AnyKeyword;

function castsThroughUnknown(node: ts.Node): boolean {
  return (
    ts.isAsExpression(node) &&
    ts.isAsExpression(node.expression) &&
    node.expression.type.kind === ts.SyntaxKind.UnknownKeyword
  );
}

/** A file's opening comment ends as a sentence does. */
function opensWithSentence(text: string): boolean {
  const [, opening = ""] = /^\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  return /\w[\s\S]*[.:?]\s*$/.test(opening.replace(/^\s*\*/gm, ""));
}

describe("every source file", () => {
  it("is found", () => {
    expect(files.length).toBeGreaterThan(40);
  });

  it("opens with a sentence on what it is for", () => {
    expect(offenders(({ text }) => !opensWithSentence(text))).toEqual([]);
  });

  it(`has at most ${MAX_LINES} lines`, () => {
    expect(offenders(({ text }) => text.split("\n").length - 1 > MAX_LINES)).toEqual([]);
  });

  it("has no any", () => {
    expect(files.flatMap((file) => places(file, "any", isAny))).toEqual([]);
  });

  it("casts through unknown only where types are computed", () => {
    const found = files
      .filter(({ path }) => !mayCastThroughUnknown.includes(path))
      .flatMap((file) => places(file, "unknown as", castsThroughUnknown));
    expect(found).toEqual([]);
  });

  it("has no timeout that may be collected before it fires (src/platform/deadline.ts)", () => {
    const own = files.filter(({ path }) => path.startsWith("src/") && !path.endsWith(".test.ts"));
    expect(
      own.filter(({ text }) => text.includes(["AbortSignal", "timeout("].join("."))).map(({ path }) => path),
    ).toEqual([]);
  });

  it("has nothing left to do", () => {
    expect(offenders(({ text }) => unfinished.test(text))).toEqual([]);
  });

  it("names no directory of a developer's machine", () => {
    expect(offenders(({ text }) => machinePath.test(text))).toEqual([]);
  });
});

describe("the rule on openings", () => {
  it.each(["/** What it is for. */\nimport x", "/**\n * What it is for.\n */\n"])("accepts %j", (text) => {
    expect(opensWithSentence(text)).toBe(true);
  });

  it.each(["import x", "// What it is for.", "/** What it is for */", "/** */", "\n/** What it is for. */"])(
    "refuses %j",
    (text) => {
      expect(opensWithSentence(text)).toBe(false);
    },
  );
});
