/** `pyro env prune`: frees what the cache no longer needs. */
import { z } from "zod";
import { operation } from "../operation.ts";

export const envPrune = operation({
  names: { cli: "env prune", sdk: "pruneEnvironments" },
  summary: "Remove cached files that nothing needs",
  description:
    "Removes images that the catalog does not list and no workspace uses, with their layers, what was half downloaded, damaged files, kernels of older pulls, and templates that no longer fit. " +
    "What is installed and listed stays, and so does what a workspace uses.",
  example: "pyro env prune",
  effect: "destroy",
  input: z.strictObject({}),
  output: z.strictObject({
    removed: z
      .array(
        z.strictObject({
          path: z.string().describe("What was removed"),
          size_bytes: z.int().describe("Bytes it took on disk"),
        }),
      )
      .describe("Everything that was removed"),
    freed_bytes: z.int().describe("Sum of the bytes that were freed"),
  }),
  errors: ["cache_not_writable", "host_io_failed", "state_dir_unsafe", "cancelled"],
  positional: [],
  handle: (_input, { engine, signal, emit }) => engine.preparation.prune({ signal, emit }),
});
