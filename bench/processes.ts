/** What running processes take: memory, with shared pages counted by share, and processor time. */
import { readdirSync, readFileSync } from "node:fs";
import { pssKib } from "../src/platform/process-facts.ts";

const KIB_PER_MIB = 1024;

/** PSS of one process in MiB. */
export function memoryMib(pid: number): number {
  const kib = pssKib(pid);
  if (kib === undefined) throw new Error("the machine's process cannot be examined");
  return kib / KIB_PER_MIB;
}

/** PSS in MiB of a process and its ancestors up to ours: the VMM and the cage around it. */
export function cageMemoryMib(pid: number): number {
  let sum = 0;
  for (let current = pid; current > 1 && current !== process.pid; current = parentOf(current))
    sum += memoryMib(current);
  return sum;
}

/** Every process below this one. */
export function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const own = children === "" ? [] : children.split(" ").map(Number);
  return own.flatMap((child) => [child, ...descendants(child)]);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

/** Processor time of all threads of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}
