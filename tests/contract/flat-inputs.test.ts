/** Every operation is defined so that all surfaces can be derived from it. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { errorTable } from "../../src/contract/errors.ts";
import { inputFields } from "../../src/contract/input-fields.ts";
import { groups, operations } from "../../src/operations/index.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { commandHelp } from "../../tools/reference/command-help.ts";
import { schemaFields } from "../../tools/reference/schema-fields.ts";

const all = Object.entries<Operation>(operations);
const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** The product has workspaces, shells and services; these words belong to other products. */
const foreignWord = /\b(jobs?|runners?|pipelines?|workers?|queues?|build matrix|build matrices|tasks?)\b/i;

const flat = z.union([
  z.looseObject({ type: z.enum(["boolean", "integer", "string"]) }),
  z.looseObject({ type: z.literal("array"), items: z.looseObject({ type: z.literal("string") }) }),
  z.looseObject({
    type: z.literal("object"),
    properties: z.undefined().optional(),
    additionalProperties: z.looseObject({ type: z.literal("string") }),
  }),
]);

function duplicates(values: readonly string[]): string[] {
  return values.filter((value, at) => values.indexOf(value) !== at);
}

describe.each(all)("%s", (key, op) => {
  it("has a flat input: scalars, lists of strings, maps of strings", () => {
    expect(() => inputFields(op.input)).not.toThrow();
    const fields = Object.entries(z.toJSONSchema(op.input, { io: "input" }).properties ?? {});
    expect(fields.filter(([, field]) => !flat.safeParse(field).success).map(([name]) => name)).toEqual([]);
  });

  it("refuses fields that it does not know", () => {
    expect(z.toJSONSchema(op.input, { io: "input" }).additionalProperties).toBe(false);
  });

  it.each(["input", "output"] as const)("describes every field of its %s in snake_case", (io) => {
    const fields = schemaFields(op[io], io);
    expect(fields.filter(({ description }) => description === "").map(({ path }) => path)).toEqual([]);
    expect(fields.filter(({ description }) => description.endsWith(".")).map(({ path }) => path)).toEqual([]);
    expect(
      fields.filter(
        ({ path }) =>
          !path
            .replaceAll("[]", "")
            .split(".")
            .every((name) => SNAKE_CASE.test(name)),
      ),
    ).toEqual([]);
  });

  it("is listed under its SDK name", () => {
    expect(op.names.sdk).toBe(key);
    expect(op.names.sdk).toMatch(/^[a-z][A-Za-z]*$/);
    expect(op.names.cli).toMatch(/^[a-z]+( [a-z]+)*$/);
    expect(op.names.mcp ?? "a_tool").toMatch(SNAKE_CASE);
  });

  it("has an example of itself", () => {
    expect(`${op.example} `.startsWith(`pyro ${op.names.cli} `)).toBe(true);
  });

  it("has an imperative summary without a final period, and a description in sentences", () => {
    expect(op.summary).toMatch(/^[A-Z][a-z]+ .*[^.]$/);
    expect(op.summary).not.toMatch(/^\w+(ing|ed|[^s]s) /);
    expect(op.description).toMatch(/^[A-Z`].*\.$/);
  });

  it("lists errors that exist, once each", () => {
    expect(op.errors.filter((code) => !Object.hasOwn(errorTable, code))).toEqual([]);
    expect(duplicates(op.errors)).toEqual([]);
  });

  it("takes by position only fields it has, a list last", () => {
    const fields = new Map(inputFields(op.input).map((field) => [field.name, field]));
    const types = op.positional.map((name) => fields.get(name)?.type);
    expect(types).not.toContain(undefined);
    expect(types.slice(0, -1)).not.toContain("list");
  });
});

describe("all operations together", () => {
  it.each(["cli", "sdk", "mcp"] as const)("have unique %s names", (surface) => {
    expect(duplicates(all.flatMap(([, op]) => op.names[surface] ?? []))).toEqual([]);
  });

  it("have groups that say what they are for, and no others", () => {
    const used = all.flatMap(([, op]) => op.names.cli.split(" ").slice(0, -1));
    expect(Object.keys(groups).sort()).toEqual([...new Set(used)].sort());
  });

  it("use no foreign words", () => {
    const names = all.flatMap(([, op]) =>
      Object.values(op.names).map((name) => name.replace(/([a-z])([A-Z])|_/g, "$1 $2")),
    );
    const fields = all.flatMap(([, op]) => [...schemaFields(op.input, "input"), ...schemaFields(op.output, "output")]);
    const words = fields.map(({ path, description }) => `${path.replaceAll("_", " ")}: ${description}`);
    const texts = [...names, ...words, ...commandHelp().map(({ text }) => text)];
    expect(texts.filter((text) => foreignWord.test(text))).toEqual([]);
  });
});
