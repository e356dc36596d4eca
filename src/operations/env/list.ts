/** `pyro env list`: the environments that can be used by name. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { environmentFields } from "./fields.ts";

export const envList = operation({
  names: { cli: "env list", sdk: "listEnvironments", mcp: "vm_list_environments" },
  summary: "List environments and which of them are installed",
  description:
    "Names the catalog's environments, and the images that were pulled, with digest, size and source of those in the local cache.",
  example: "pyro env list",
  effect: "read",
  input: z.strictObject({}),
  output: z.strictObject({
    environments: z.array(z.strictObject(environmentFields)).describe("The catalog in its order, then images by name"),
  }),
  errors: ["state_dir_unsafe", "host_io_failed"],
  positional: [],
  handle: async (_input, { engine }) => ({ environments: await engine.environments.list() }),
});
