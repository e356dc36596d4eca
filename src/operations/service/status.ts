/** `pyro workspace service status`. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors } from "../workspace/fields.ts";
import { service, serviceField } from "./fields.ts";

export const serviceStatus = operation({
  names: { cli: "workspace service status", sdk: "statusService", mcp: "service_status" },
  summary: "Show one service of a workspace",
  description: "Whether it runs, why it ended, and what it publishes.",
  example: "pyro workspace service status fix web",
  effect: "read",
  input: z.strictObject({ workspace_id: serviceField.workspaceId, service_name: serviceField.name }),
  output: service,
  errors: [...callErrors, "service_not_found"],
  positional: ["workspace_id", "service_name"],
  handle: ({ workspace_id, service_name }, { engine, signal, emit }) =>
    engine.workspaces.services.status(workspace_id, service_name, { signal, emit }),
});
