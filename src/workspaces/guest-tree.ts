/** Where the files of a workspace are in its machine, and how long the agent may take over them. */
import type { AgentClient } from "../wire/client.ts";
import type { TreeCall } from "../wire/tree-stat.ts";

export interface GuestTree {
  readonly agent: AgentClient;
  /** Absolute path of the workspace in the machine */
  readonly root: string;
  /** Time the agent may be silent, in milliseconds */
  readonly deadline_ms: number;
}

/** A call on the tree that this signal ends. */
export function treeCall({ deadline_ms }: GuestTree, signal: AbortSignal): TreeCall {
  return { signal, deadline_ms };
}
