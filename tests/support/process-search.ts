/** Finds processes of this host by their command lines. */
import { readdirSync, readFileSync } from "node:fs";

/** Numbers of the processes whose command line has all of these texts. */
export function processesWith(...texts: readonly string[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => texts.every((text) => commandLine(pid).includes(text)))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
