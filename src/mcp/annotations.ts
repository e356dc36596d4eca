/** What a host is told of a tool before it is called: what it changes, and whether that leaves the sandbox. */
import type { Operation } from "../operations/operation.ts";

/** For what only reads, the hints about changes say nothing and are left out. */
export interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint: boolean;
}

/** Calling them again with the same input changes nothing more. */
const idempotent: ReadonlySet<string> = new Set([
  "workspace_reset",
  "workspace_delete",
  "workspace_update",
  "workspace_start",
  "workspace_stop",
  "workspace_file_write",
  "service_stop",
  "shell_close",
]);

/** A sandbox is disposable: only what leaves it counts as destructive, and only what may reach the network as open. */
export function annotationsOf(op: Operation, hasNetwork: boolean): Annotations {
  const openWorldHint = op.crosses === "network" && hasNetwork;
  if (op.effect === "read") return { readOnlyHint: true, openWorldHint };
  return {
    readOnlyHint: false,
    destructiveHint: op.crosses === "host",
    ...(idempotent.has(op.names.mcp ?? "") && { idempotentHint: true }),
    openWorldHint,
  };
}
