/** What the instances of one server have in common, in types of our own. */
import type { Served } from "./call.ts";
import type { Tool } from "./tool.ts";

/** All that instances of one process share. */
export interface ServerParts extends Served {
  readonly tools: readonly Tool[];
  readonly instructions: string;
  /** Pause between two words of progress, in milliseconds */
  readonly progress_ms: number;
  /** Calls that have not been answered */
  readonly pending: Set<Promise<unknown>>;
}
