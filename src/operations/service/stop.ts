/** `pyro workspace service stop`. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors } from "../workspace/fields.ts";
import { service, serviceField } from "./fields.ts";

export const serviceStop = operation({
  names: { cli: "workspace service stop", sdk: "stopService", mcp: "service_stop" },
  summary: "Stop a service of a workspace",
  description:
    "Everything that it started gets SIGTERM, and SIGKILL when the grace is over. Nothing of it is left, its ports are closed. A service that has ended stays as it is.",
  example: "pyro workspace service stop fix web",
  effect: "write",
  input: z.strictObject({
    workspace_id: serviceField.workspaceId,
    service_name: serviceField.name,
    grace_seconds: z.int().min(0).max(3_600).default(10).describe("How long it may take to end by itself"),
  }),
  output: service,
  errors: [...callErrors, "service_not_found"],
  positional: ["workspace_id", "service_name"],
  handle: ({ workspace_id, service_name, grace_seconds }, { engine, signal, emit }) =>
    engine.workspaces.services.stop(workspace_id, service_name, grace_seconds, { signal, emit }),
});
