/** `pyro workspace service list`. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors } from "../workspace/fields.ts";
import { service, serviceField } from "./fields.ts";

export const serviceList = operation({
  names: { cli: "workspace service list", sdk: "listServices", mcp: "service_list" },
  summary: "List the services of a workspace",
  description: "Those that have ended since the last reset are listed too, also while the workspace is stopped.",
  example: "pyro workspace service list fix",
  effect: "read",
  input: z.strictObject({ workspace_id: serviceField.workspaceId }),
  output: z.strictObject({ services: z.array(service).describe("Its services, oldest start first") }),
  errors: [...callErrors],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) =>
    engine.workspaces.services.list(workspace_id, { signal, emit }),
});
