/** `pyro env pull`: gets an environment into the local cache. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { environmentFields } from "./fields.ts";
import { pullErrors } from "./pull-errors.ts";

export const envPull = operation({
  names: { cli: "env pull", sdk: "pullEnvironment" },
  summary: "Get an environment and its kernel into the local cache",
  description:
    "An image is pulled from its registry, layer by layer, and becomes one root image. An entry of the catalog is pulled from its registry too, or built from the signed Debian archive where that fails; the result says which and why. " +
    "What the cache has whole is answered at once. Two pulls of one environment do the work once; an interrupted pull goes on where it was.",
  example: "pyro env pull python:3.12-slim",
  effect: "write",
  input: z.strictObject({
    environment: field.environment
      .optional()
      .describe(
        "Environment or image, such as debian:12; with from_archive it may be left out where the file has one name",
      ),
    source: z
      .enum(["auto", "registry", "archive"])
      .optional()
      .describe("Where an entry of the catalog comes from; auto is the registry and, where it fails, the archive"),
    from_archive: z
      .string()
      .min(1)
      .optional()
      .describe("Make ENVIRONMENT of an image in this file or directory: an OCI layout, or what docker save wrote"),
    force: z
      .boolean()
      .default(false)
      .describe("Ask what the name stands for again, or build again, even though the cache has it"),
  }),
  output: z.strictObject({
    ...environmentFields,
    changed: z.boolean().describe("False when the cache already had it"),
    reason: z.string().describe("Why it came from where it came from"),
    previous_digest: z
      .string()
      .nullable()
      .describe("Digest of the root image that the name stood for before; null where the cache had none"),
  }),
  errors: [...pullErrors, "image_archive_not_found", "image_name_unclear", "cancelled"],
  positional: ["environment"],
  handle: ({ environment, ...input }, { engine, signal, emit }) =>
    engine.environments.pull(environment, { ...input, signal, emit }),
});
