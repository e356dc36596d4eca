/** What /proc says of a running process: its descendants and the walls around it. */
import { readFileSync, readlinkSync } from "node:fs";

const namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;

/** Walls around a process, each read off the running process. */
export interface ProcessWalls {
  /** Namespaces that differ from ours */
  readonly namespaces: readonly string[];
  readonly seccomp_filter: boolean;
  readonly no_new_privileges: boolean;
  readonly no_capabilities: boolean;
}

/** The last descendant of `pid` in a chain of only children; `pid` itself where it has none. */
export function innermostChild(pid: number): number {
  let current = pid;
  for (let depth = 0; depth < 8; depth += 1) {
    const children = read(`/proc/${current}/task/${current}/children`).trim();
    if (children === "") return current;
    current = Number(children.split(" ").at(-1));
  }
  return current;
}

/** Reads the walls of `pid`; what cannot be read counts as not there. */
export function wallsOf(pid: number): ProcessWalls {
  const status = read(`/proc/${pid}/status`);
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, "m").exec(status)?.[1];
  return {
    namespaces: namespaces.filter(
      (name) => namespaceOf(pid, name) !== undefined && namespaceOf(pid, name) !== namespaceOf("self", name),
    ),
    seccomp_filter: field("Seccomp") === "2",
    no_new_privileges: field("NoNewPrivs") === "1",
    no_capabilities: /^0+$/.test(field("CapEff") ?? "") && /^0+$/.test(field("CapPrm") ?? ""),
  };
}

/** Memory of a process in KiB with shared pages counted by share; undefined where it cannot be read. */
export function pssKib(pid: number): number | undefined {
  const pss = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return pss === undefined ? undefined : Number(pss);
}

function namespaceOf(pid: number | "self", name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${name}`);
  } catch {
    return undefined;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** When a process was started, in the kernel's own unit since boot; undefined where there is no such process. */
export function startTime(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  // The name before it may hold spaces and parentheses.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Ends a process at once; nothing happens where there is none. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** Ends every process that this one has started itself. */
export function killChildren(pid: number): void {
  for (const child of read(`/proc/${pid}/task/${pid}/children`).split(" "))
    if (child !== "") killProcess(Number(child));
}
