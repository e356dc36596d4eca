/** `pyro workspace service start`: a named process that goes on. */
import { z } from "zod";
import { field } from "../../contract/fields.ts";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "../workspace/fields.ts";
import { service, serviceField } from "./fields.ts";
import { serviceNested } from "./nested.ts";

export const serviceStart = operation({
  names: { cli: "workspace service start", sdk: "startService", mcp: "service_start" },
  summary: "Start a service in a workspace and wait until it is ready",
  description:
    "A service is a command with a name that runs on until it ends, is stopped, or the workspace is reset or stopped. It belongs in the foreground: what it leaves behind when its first process ends, ends too. " +
    "Give at most one readiness; without one it is ready when it has run for a moment. One that is not ready in time is stopped, and the error carries the end of its logs. " +
    "Published ports are on 127.0.0.1 of this machine, live exactly as long as the service, and need the network policy egress+published-ports.",
  example: "pyro workspace service start fix web --ready-http http://localhost:8000/ -- python3 -m http.server 8000",
  effect: "write",
  crosses: "network",
  input: z.strictObject({
    workspace_id: serviceField.workspaceId,
    service_name: serviceField.name,
    command: field.command,
    cwd: workspaceField.path.optional().describe("Directory to run in, /workspace by default"),
    secret_env: workspaceField.secretEnv,
    ready_file: workspaceField.path.optional().describe("Ready when this path exists, relative to its directory"),
    ready_tcp: z.int().min(1).max(65_535).optional().describe("Ready when this port of the workspace answers"),
    ready_http: z
      .string()
      .min(1)
      .max(2_048)
      .optional()
      .describe("Ready when this address, http://localhost:PORT/PATH, answers with 200 to 399"),
    ready_command: z
      .string()
      .min(1)
      .max(65_536)
      .refine((text) => !text.includes("\0"), { error: "must not contain a NUL character" })
      .optional()
      .describe("Ready when this shell command ends with 0; each try has 10 s"),
    ready_timeout_seconds: z.int().min(1).max(86_400).default(30).describe("How long it may take to be ready"),
    ready_interval_ms: z.int().min(10).max(60_000).default(500).describe("Pause between two looks"),
    publish: z
      .array(z.string().max(64))
      .default([])
      .describe("Port to publish, as GUEST_PORT or HOST_PORT:GUEST_PORT with a host port from 1024 on"),
  }),
  output: service,
  errors: [
    ...callErrors,
    "service_exists",
    "service_not_ready",
    "service_failed",
    "service_limit",
    "port_taken",
    "port_refused",
    "ports_not_allowed",
    "no_shell",
    "command_not_found",
    "command_not_executable",
    "argument_too_long",
    "secret_not_found",
    "secret_invalid",
  ],
  nested: serviceNested,
  map_flags: { secret_env: { alone: "itself" } },
  positional: ["workspace_id", "service_name", "command"],
  handle: ({ workspace_id, service_name, ...input }, { engine, signal, emit }) =>
    engine.workspaces.services.start(workspace_id, { name: service_name, ...input }, { signal, emit }),
});
