/** `pyro env pull`: gets an environment into the local cache. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { environmentFields } from "./fields.ts";

export const envPull = operation({
  names: { cli: "env pull", sdk: "pullEnvironment" },
  summary: "Get an environment and its kernel into the local cache",
  description:
    "Builds the environment from the signed Debian archive when the cache has no whole copy of it. " +
    "Two pulls of one environment do the work once; an interrupted pull leaves nothing behind.",
  example: "pyro env pull debian:12",
  effect: "write",
  input: z.strictObject({
    environment: field.environment,
    force: z.boolean().default(false).describe("Build again even though the cache has it"),
  }),
  output: z.strictObject({
    ...environmentFields,
    changed: z.boolean().describe("False when the cache already had it"),
  }),
  errors: [
    "invalid_input",
    "environment_not_found",
    "environment_build_failed",
    "archive_unreachable",
    "host_program_missing",
    "host_unsupported",
    "cache_not_writable",
    "host_disk_full",
    "host_io_failed",
    "state_dir_unsafe",
    "cancelled",
  ],
  positional: ["environment"],
  handle: (input, { engine, signal, emit }) =>
    engine.environments.pull(input.environment, { force: input.force, signal, emit }),
});
