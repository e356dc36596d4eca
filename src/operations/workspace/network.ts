/** `pyro workspace network`: what a workspace may connect to, and what it did. */
import { z } from "zod";
import { operation } from "../operation.ts";
import { callErrors, workspaceField } from "./fields.ts";

const connection = z.strictObject({
  host: z.string().describe("Name or address that was asked for"),
  port: z.int().nullable().describe("Port; null where a name was looked up"),
  verdict: z
    .enum(["allowed", "denied", "failed"])
    .describe("denied: the policy is against it; failed: it was allowed and did not come about"),
  rule: z.string().describe("The rule that allowed it, or why it was denied or failed"),
  hint: z.string().nullable().describe("What to type about a denial, or what went wrong"),
  bytes_up: z.int().describe("Bytes that the guest sent"),
  bytes_down: z.int().describe("Bytes that it received"),
  began_at: z.string().describe("When it was asked for"),
  ended_at: z.string().nullable().describe("When it ended; null while it is open"),
});

export const workspaceNetwork = operation({
  names: { cli: "workspace network", sdk: "networkInfoVm", mcp: "vm_network_info" },
  summary: "Show what a workspace may connect to, and what it connected to",
  description:
    "The policy with its rules, the newest 1,000 connections with their bytes and times, those that were denied with what would allow them, and totals. " +
    "They are counted since the workspace was last started or reset.",
  example: "pyro workspace network fix",
  effect: "read",
  input: z.strictObject({ workspace_id: workspaceField.id }),
  output: z.strictObject({
    workspace_id: z.string().describe("Identifier of the workspace"),
    network_policy: z.enum(["off", "egress", "egress+published-ports"]).describe("What network its guest has"),
    allow_egress: z
      .array(z.string())
      .describe("Rules of its egress; with egress and none of them every public name is allowed"),
    is_open: z.boolean().describe("Whether the guest can ask for connections at the moment"),
    allowed_count: z.int().describe("Connections that were allowed"),
    denied_count: z.int().describe("Connections and lookups that were denied"),
    failed_count: z.int().describe("Connections that were allowed and did not come about"),
    open_count: z.int().describe("Connections that are open"),
    bytes_up: z.int().describe("Bytes that the guest sent, in all"),
    bytes_down: z.int().describe("Bytes that it received, in all"),
    connections: z.array(connection).describe("The newest 1,000 connections, oldest first"),
  }),
  errors: [...callErrors],
  positional: ["workspace_id"],
  handle: ({ workspace_id }, { engine, signal, emit }) => engine.workspaces.network(workspace_id, { signal, emit }),
});
