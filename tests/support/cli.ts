/** The real command line, as a person starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/platform/package-root.ts";

export const pyroProgram = join(packageRoot(), "bin/pyro");

const keptVariables = ["PATH", "HOME", "XDG_CACHE_HOME", "PYRO_HOME", "PYRO_ACCEL", "PYRO_ENVIRONMENT_SOURCE"];

/** What a finished command line gave. */
export interface CliResult {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Starts `pyro` with a clean environment beside `keptVariables`. */
export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const kept = Object.fromEntries(keptVariables.map((name) => [name, process.env[name]]).filter(([, value]) => value));
  const child = spawn(pyroProgram, args, { env: { ...kept, ...options.env }, stdio: "pipe" });
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.stdin ?? "");
  return child;
}

/** Runs `pyro` to its end. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return await finished(startCli(args, options));
}

/** Collects what `child` prints until it ends. */
export async function finished(child: ChildProcess): Promise<CliResult> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  return await new Promise((resolve) => {
    child.once("close", (status, signal) =>
      resolve({ status, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}
