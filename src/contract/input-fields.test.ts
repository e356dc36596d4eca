/** Reading input fields off a schema, and refusing what is not flat. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { inputFields } from "./input-fields.ts";

describe("inputFields", () => {
  it("gives name, type, description, default and choices in the order of the schema", () => {
    const schema = z.strictObject({
      name: z.string().describe("A name"),
      count: z.int().default(3).describe("How many"),
      force: z.boolean().default(false).describe("Do it"),
      mode: z.enum(["a", "b"]).optional().describe("Which"),
      words: z.array(z.string()).describe("Some words"),
      labels: z.record(z.string(), z.string()).default({}).describe("Some labels"),
    });
    const plain = { required: false, default: undefined, choices: undefined };
    expect(inputFields(schema)).toEqual([
      { ...plain, name: "name", type: "string", description: "A name", required: true },
      { ...plain, name: "count", type: "integer", description: "How many", default: 3 },
      { ...plain, name: "force", type: "boolean", description: "Do it", default: false },
      { ...plain, name: "mode", type: "string", description: "Which", choices: ["a", "b"] },
      { ...plain, name: "words", type: "list", description: "Some words", required: true },
      { ...plain, name: "labels", type: "map", description: "Some labels", default: {} },
    ]);
  });

  it("gives nothing for an empty input", () => {
    expect(inputFields(z.strictObject({}))).toEqual([]);
  });

  it.each([
    ["a nested object", z.strictObject({ inner: z.string() })],
    ["a list of objects", z.array(z.strictObject({ inner: z.string() }))],
    ["a list of lists", z.array(z.array(z.string()))],
    ["a list of numbers", z.array(z.int())],
    ["a map of objects", z.record(z.string(), z.strictObject({}))],
    ["a nullable", z.string().nullable()],
    ["either of two types", z.union([z.string(), z.int()])],
    ["a number that may be a fraction", z.number()],
    ["any value", z.unknown()],
  ])("refuses %s and names the field", (_what, type) => {
    expect(() => inputFields(z.strictObject({ crooked: type }))).toThrow(/crooked/);
  });
});
