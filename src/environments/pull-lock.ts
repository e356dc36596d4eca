/** The lock between pulls, which share it, and what removes from the cache, which has it alone. */
import type { StatePaths } from "../store/paths.ts";

export function pullLock(paths: StatePaths): string {
  return paths.lock("pulls");
}
