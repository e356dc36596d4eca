/** `pyro workspace service logs`: what a service prints. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors } from "../workspace/fields.ts";
import { serviceField, serviceFields } from "./fields.ts";

export const serviceLogs = operation({
  names: { cli: "workspace service logs", sdk: "logsService", mcp: "service_logs" },
  summary: "Show what a service of a workspace printed",
  description:
    "Standard output and standard error apart: the last lines of each, or everything that is kept. Following ends with the service. " +
    "Of each at most the first and the last 8 MiB are kept; a slow reader holds no service up.",
  example: "pyro workspace service logs fix web --follow",
  effect: "read",
  input: z.strictObject({
    workspace_id: serviceField.workspaceId,
    service_name: serviceField.name,
    tail_lines: z.int().min(0).max(100_000).default(200).describe("Last lines of each stream, within its last 1 MiB"),
    all: z.boolean().default(false).describe("Everything that is kept, whatever tail_lines says"),
    follow: z.boolean().default(false).describe("Go on until the service ends"),
  }),
  output: z.strictObject({
    ...serviceFields,
    stdout: z.string().describe("Standard output, at most 1 MiB of its head and 256 KiB of its tail"),
    stderr: z.string().describe("Standard error, cut in the same way"),
    truncated: z.boolean().describe("There is more, or some of it is not kept"),
  }),
  errors: [...callErrors, "service_not_found"],
  positional: ["workspace_id", "service_name"],
  streams_output: true,
  handle: ({ workspace_id, service_name, ...input }, { engine, signal, emit }) =>
    engine.workspaces.services.logs(workspace_id, service_name, input, { signal, emit }),
});
