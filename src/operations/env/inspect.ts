/** `pyro env inspect`: everything known of one environment. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { environmentFields } from "./fields.ts";

export const envInspect = operation({
  names: { cli: "env inspect", sdk: "inspectEnvironment" },
  summary: "Show one environment in full",
  description: "Digest, size, source, packages and the variables that its commands start with; installed or not.",
  example: "pyro env inspect debian:12",
  effect: "read",
  input: z.strictObject({ environment: field.environment }),
  output: z.strictObject({
    ...environmentFields,
    packages: z.array(z.string()).describe("Debian packages asked for, beside the minimal system"),
    env: z.record(z.string(), z.string()).describe("Environment variables of its commands"),
    kernel: z.string().nullable().describe("Release of the guest kernel it boots with, where one is installed"),
  }),
  errors: ["invalid_input", "environment_not_found", "state_dir_unsafe", "host_io_failed"],
  positional: ["environment"],
  handle: (input, { engine }) => engine.environments.inspect(input.environment),
});
