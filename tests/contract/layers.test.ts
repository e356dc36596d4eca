/** The layers of `src/`: the table holds, there are no cycles, and the rules themselves catch what they are for. */
import { describe, expect, it } from "vitest";
import { importsOf } from "./imports.ts";
import { cycles, violations } from "./layer-rules.ts";
import { isTest, sourceFiles } from "./sources.ts";

const imports = sourceFiles("src")
  .filter(({ path }) => !isTest(path))
  .flatMap(importsOf);

const judge = (path: string, text: string) => violations(importsOf({ path, text }));

describe("layers", () => {
  it("has every import in the table", () => {
    expect(imports.length).toBeGreaterThan(50);
    expect(violations(imports)).toEqual([]);
  });

  it("has no cycles", () => {
    expect(cycles(imports).map((cycle) => cycle.join(" → "))).toEqual([]);
  });
});

describe("the layer rules", () => {
  it.each([
    ["src/wire/x.ts", 'import { a } from "../vmm/ring.ts";'],
    ["src/wire/x.ts", 'import type { a } from "../vmm/ring.ts";'],
    ["src/wire/x.ts", 'type A = import("../vmm/ring.ts").Ring;'],
    ["src/wire/x.ts", 'export { a } from "../vmm/ring.ts";'],
    ["src/wire/x.ts", 'const a = await import("../vmm/ring.ts");'],
    ["src/wire/x.ts", 'import fs from "node:fs";'],
    ["src/wire/x.ts", 'import { readFile } from "node:fs/promises";'],
    ["src/wire/x.ts", 'process.getBuiltinModule("node:fs");'],
    ["src/wire/x.ts", 'import { join } from "path";'],
    ["src/contract/x.ts", 'import { join } from "node:path";'],
    ["src/platform/x.ts", 'import { a } from "../wire/records.ts";'],
    ["src/operations/x.ts", 'import { createEngine } from "../engine.ts";'],
    ["src/operations/x.ts", 'import { type Engine } from "../engine.ts";'],
    ["src/workspaces/x.ts", 'import { a } from "../sdk/pyro.ts";'],
    ["src/engine.ts", 'import { a } from "./cli/program.ts";'],
    ["src/sdk/x.ts", 'import { a } from "../cli/program.ts";'],
    ["src/cli/x.ts", 'import { a } from "../wire/client.ts";'],
    ["src/vmm/x.ts", 'import { a } from "commander";'],
    ["src/other/x.ts", 'import { a } from "../contract/errors.ts";'],
  ])("refuses in %s: %s", (path, text) => {
    expect(judge(path, text)).toHaveLength(1);
  });

  it.each([
    ["src/wire/x.ts", 'import { a } from "./records.ts"; import http2 from "node:http2"; import { z } from "zod";'],
    ["src/operations/x.ts", 'import type { Engine } from "../engine.ts";'],
    [
      "src/operations/env/x.ts",
      'import { field } from "../../contract/fields.ts"; import { version } from "../../version.ts";',
    ],
    ["src/engine.ts", 'import { a } from "./vmm/ring.ts"; import { b } from "./operations/index.ts";'],
    ["src/sdk/x.ts", 'import { createEngine } from "../engine.ts";'],
    ["src/platform/x.ts", 'import fs from "node:fs";'],
    ["src/version.ts", 'import manifest from "../package.json" with { type: "json" };'],
  ])("permits in %s: %s", (path, text) => {
    expect(judge(path, text)).toEqual([]);
  });

  it("names file, target and what is allowed", () => {
    expect(judge("src/wire/x.ts", 'import { a } from "../vmm/ring.ts";')).toEqual([
      "src/wire/x.ts imports src/vmm/ring.ts: wire may import wire, contract, platform",
    ]);
  });

  it("finds a cycle over several files", () => {
    const link = (from: string, target: string) => ({ from, target, typeOnly: true });
    expect(cycles([link("a", "b"), link("b", "c"), link("c", "a"), link("d", "a")])).toEqual([["a", "b", "c", "a"]]);
  });
});
