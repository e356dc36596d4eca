/** The public surface as golden files: a change of it shows in the diff. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { errorTable, exitStatusOfKind } from "../../src/contract/errors.ts";
import { operations } from "../../src/operations/index.ts";
import type { Operation } from "../../src/operations/operation.ts";
import { commandHelp } from "../../tools/reference/command-help.ts";
import { root } from "./sources.ts";

const BLESS = "npx vitest run --project contract -u";

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

const schema = (type: z.ZodType, io: "input" | "output") => {
  const { $schema: _, ...document } = z.toJSONSchema(type, { io });
  return document;
};

function commandLineHelp(): string {
  return commandHelp()
    .map(({ words, text }) => `$ ${words} --help\n${text}\n`)
    .join("\n");
}

function errors(): string {
  return json({ exit_statuses: exitStatusOfKind, errors: errorTable });
}

function sdkMethods(): string {
  const methods = Object.entries<Operation>(operations).map(([name, op]) => {
    const { names, effect, positional, errors } = op;
    return [
      name,
      { names, effect, positional, errors, input: schema(op.input, "input"), output: schema(op.output, "output") },
    ];
  });
  return json(Object.fromEntries(methods));
}

it.each([
  ["cli-help.txt", commandLineHelp],
  ["errors.json", errors],
  ["sdk-methods.json", sdkMethods],
] as const)("%s", async (name, surface) => {
  const path = join(root, "tests/contract/golden", name);
  await expect(
    surface(),
    `the public surface differs from ${name}; if that is meant, run: ${BLESS}`,
  ).toMatchFileSnapshot(path);
});
