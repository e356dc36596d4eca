/** `pyro prepare`: does the slow part of a first start ahead of time, and proves that it worked. */
import { z } from "zod";
import { field } from "../contract/fields.ts";
import { operation } from "./operation.ts";
import { readinessFields } from "./readiness-fields.ts";
import { startErrors } from "./start-errors.ts";
import { callErrors } from "./workspace/fields.ts";

export const prepare = operation({
  names: { cli: "prepare", sdk: "prepare" },
  summary: "Make an environment warm, so that its virtual machines start at once",
  description:
    "Gets the environment and its kernel, boots it once to keep that boot as a template, and proves it: a machine runs a command, and a workspace is created, used, reset and deleted. " +
    "Where all of that was done before, it says so and does nothing. `pyro run` prepares what is missing too; this is for doing it ahead of time.",
  example: "pyro prepare debian:12",
  effect: "write",
  input: z.strictObject({
    environment: field.environment.default("debian:12"),
    network: z.boolean().default(false).describe("Prove network egress as well"),
    force: z.boolean().default(false).describe("Pull, boot and prove again even though it is warm"),
  }),
  output: z.strictObject({
    ...readinessFields,
    changed: z.boolean().describe("False when it was warm already"),
    execution_mode: field.executionMode,
  }),
  errors: [...new Set([...startErrors, ...callErrors, "template_unusable" as const, "egress_unproved" as const])],
  positional: ["environment"],
  handle: (input, { engine, signal, emit }) => engine.preparation.prepare(input, { signal, emit }),
});
