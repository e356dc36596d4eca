/** A static busybox for the bare machine's first process, taken from Debian's archive and kept beside pyro's cache. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { listDirectory, remove } from "../../src/platform/files.ts";
import { locateProgram, runProgram } from "../../src/platform/programs.ts";
import { FigureSkipped } from "../figure.ts";

const DOWNLOAD_MS = 120_000;

/** Content of the busybox binary; fetched into `directory` where that has none. Throws `FigureSkipped` where it cannot be had. */
export async function busybox(directory: string, signal: AbortSignal): Promise<Buffer> {
  const path = join(directory, "busybox");
  if (!existsSync(path)) await fetchBusybox(directory, path, signal);
  return readFileSync(path);
}

async function fetchBusybox(directory: string, path: string, signal: AbortSignal): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(directory, "fetch-"));
  try {
    // apt-get downloads as a user of its own, who has to reach the directory.
    chmodSync(scratch, 0o755);
    await step("apt-get", ["-q", "download", "busybox-static"], scratch, signal);
    const archive = listDirectory(scratch).find((name) => name.endsWith(".deb"));
    if (archive === undefined) throw new FigureSkipped("apt-get downloaded no busybox-static");
    await step("dpkg-deb", ["-x", archive, "tree"], scratch, signal);
    const found = ["bin/busybox", "usr/bin/busybox"].find((name) => existsSync(join(scratch, "tree", name)));
    if (found === undefined) throw new FigureSkipped("the package busybox-static has no busybox");
    renameSync(join(scratch, "tree", found), path);
  } finally {
    remove(scratch);
  }
}

async function step(name: "apt-get" | "dpkg-deb", args: string[], cwd: string, signal: AbortSignal): Promise<void> {
  const program = locateProgram(name);
  if (program === undefined) throw new FigureSkipped(`a static busybox is needed, and "${name}" is not installed`);
  const { exit_code, stderr } = await runProgram(program, args, { cwd, signal, timeout_ms: DOWNLOAD_MS });
  if (exit_code === 0) return;
  const why = stderr.trim().split("\n").at(-1) ?? "";
  throw new FigureSkipped(`a static busybox could not be had: ${why}`);
}
