/** Looks for what pyro could leave behind: processes of one invocation, files below a directory. */
import { readdirSync, readFileSync } from "node:fs";

/** A process that cannot be mistaken for a later one of the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly start_time: string;
  readonly name: string;
}

/** Every descendant of `pid` at this moment. */
export function descendants(pid: number): ProcessIdentity[] {
  const children = text(`/proc/${pid}/task/${pid}/children`).trim();
  if (children === "") return [];
  return children.split(" ").flatMap((child) => [...identity(Number(child)), ...descendants(Number(child))]);
}

/** Those of `processes` that still run; a zombie that waits to be collected does not. */
export function survivors(processes: readonly ProcessIdentity[]): ProcessIdentity[] {
  return processes.filter((process) => identity(process.pid)[0]?.start_time === process.start_time);
}

/** Names of everything below `directory`, sorted; none where it does not exist. */
export function filesBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  } catch {
    return [];
  }
}

/** Waits until `look` gives an empty list, at most `deadline_ms`; returns what it gave last. */
export async function untilEmpty<T>(look: () => T[], deadline_ms: number): Promise<T[]> {
  const until = performance.now() + deadline_ms;
  for (;;) {
    const seen = look();
    if (seen.length === 0 || performance.now() > until) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function identity(pid: number): ProcessIdentity[] {
  const stat = text(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start_time = fields[19];
  if (start_time === undefined || fields[0] === "Z" || fields[0] === "X") return [];
  return [{ pid, start_time, name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) }];
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
