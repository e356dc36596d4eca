/** Fields of answers that hold one of a few words are left alone when values of secrets are replaced. */
import { expect, it } from "vitest";
import { z } from "zod";
import { operations } from "../../src/operations/index.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { wordFields } from "../../src/workspaces/secrets/redactor.ts";

/** Names of fields of a few words, anywhere in a schema. */
function wordsIn(schema: unknown, name = ""): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const isOfWords = ("enum" in schema || "const" in schema) && name !== "";
  const inner = Object.entries(schema).flatMap(([key, value]: [string, unknown]) =>
    key === "properties" && typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([field, each]: [string, unknown]) => wordsIn(each, field))
      : wordsIn(value, key === "anyOf" || /^\d+$/.test(key) ? name : ""),
  );
  return isOfWords ? [name, ...inner] : inner;
}

it("all of them, and no others", () => {
  const ofWorkspaces = Object.values<Operation>(operations).filter(({ names }) => names.cli.startsWith("workspace "));
  const found = ofWorkspaces.flatMap(({ output }) => wordsIn(z.toJSONSchema(output)));
  expect([...wordFields].sort()).toEqual([...new Set(found)].sort());
});
