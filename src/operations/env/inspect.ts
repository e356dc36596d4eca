/** `pyro env inspect`: everything known of one environment. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { environmentFields, imageFields } from "./fields.ts";

export const envInspect = operation({
  names: { cli: "env inspect", sdk: "inspectEnvironment" },
  summary: "Show one environment in full",
  description:
    "Digest, size, source, packages, templates, and the variables that its commands start with; of an image its layers and what it says of itself. " +
    "Entries of the catalog are shown installed or not, images once they are pulled; nothing is fetched.",
  example: "pyro env inspect debian:12",
  effect: "read",
  input: z.strictObject({ environment: field.environment }),
  output: z.strictObject({
    ...environmentFields,
    packages: z.array(z.string()).describe("Debian packages asked for, beside the minimal system"),
    env: z.record(z.string(), z.string()).describe("Environment variables of its commands"),
    image: imageFields,
    templates: z
      .array(
        z.strictObject({
          vcpu_count: z.int().describe("Virtual CPUs of its machines"),
          mem_mib: z.int().describe("Memory of its machines in MiB"),
          execution_mode: field.executionMode,
          size_bytes: z.int().describe("Bytes that it takes on disk"),
          created_at: z.string().describe("When it was made"),
          state: z.enum(["warm", "stale"]).describe("Whether machines are started from it"),
          reason: z.string().nullable().describe("Why not"),
        }),
      )
      .describe("Boots that were kept, from which its machines are started"),
    kernel: z.string().nullable().describe("Release of the guest kernel it boots with, where one is installed"),
  }),
  errors: [
    "invalid_input",
    "environment_not_found",
    "environment_not_installed",
    "image_reference_invalid",
    "state_dir_unsafe",
    "host_io_failed",
  ],
  positional: ["environment"],
  handle: (input, { engine }) => engine.preparation.inspect(input.environment),
});
