/** Programs of the host: found in fixed directories only, run in a clean environment and a session of their own. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { PyroError } from "../contract/errors.ts";

const directories = ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"] as const;
/** Number of the first of `fds` */
const FIRST_FD = 3;
const DEFAULT_MAX_OUTPUT_BYTES = 1_048_576;

/** Debian package of each program that pyro may start. */
const packageOf = {
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  mke2fs: "e2fsprogs",
  bwrap: "bubblewrap",
  sqfstar: "squashfs-tools",
  unsquashfs: "squashfs-tools",
  mmdebstrap: "mmdebstrap",
  newuidmap: "uidmap",
  flock: "util-linux",
  unshare: "util-linux",
  bash: "bash",
  tar: "tar",
  ln: "coreutils",
  head: "coreutils",
  mkdir: "coreutils",
  sync: "coreutils",
  git: "git",
  "dpkg-deb": "dpkg",
  "apt-get": "apt",
  gzip: "gzip",
  zstd: "zstd",
  skopeo: "skopeo",
  "docker-registry": "docker-registry",
  umoci: "umoci",
} as const;

export type ProgramName = keyof typeof packageOf;

/** Absolute path of a program, or undefined; `PATH` and the working directory play no part. */
export function locateProgram(name: ProgramName): string | undefined {
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/** Absolute path of a credential program of Docker's, by what follows `docker-credential-`; undefined where it is in none of these directories, or the name is none. */
export function locateCredentialProgram(name: string): string | undefined {
  if (!/^[a-z0-9-]{1,64}$/.test(name)) return undefined;
  return directories.map((directory) => join(directory, `docker-credential-${name}`)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Absolute path of a program; `host_program_missing` with the command that installs it otherwise. */
export function findProgram(name: ProgramName): string {
  const path = locateProgram(name);
  if (path === undefined) throw missingPrograms([name]);
  return path;
}

/** Raises one error that names all of these that are missing. */
export function requirePrograms(names: readonly ProgramName[]): void {
  const missing = names.filter((name) => locateProgram(name) === undefined);
  if (missing.length > 0) throw missingPrograms(missing);
}

function missingPrograms(names: readonly ProgramName[]): PyroError {
  const packages = [...new Set(names.map((name) => packageOf[name]))];
  const quoted = names.map((name) => `"${name}"`).join(", ");
  return new PyroError("host_program_missing", `not installed on this machine: ${quoted}`, {
    hint: `sudo apt-get install --no-install-recommends ${packages.join(" ")}`,
    details: { programs: names, packages },
  });
}

/** How a program is started. */
export interface ProgramOptions {
  /** Variables besides the clean defaults. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Kills the program and all it started in its session. */
  readonly signal?: AbortSignal;
  /** Descriptors that become 3, 4, … in the program; one is a fresh stream to us where it says so. */
  readonly fds?: readonly (number | "stream")[];
}

/** How a program ended: one of the two is null. */
export interface ProgramExit {
  readonly exit_code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs. */
export interface RunningProgram {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** What we write to the descriptor that is a stream; undefined where none is. */
  readonly feed: Writable | undefined;
  /** Settles when it has ended and its output is read. */
  readonly ended: Promise<ProgramExit>;
  /** Kills its whole process group. */
  kill(): void;
}

const cleanEnvironment = {
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
  HOME: "/nonexistent",
  DEBIAN_FRONTEND: "noninteractive",
} as const;

/** Starts a program in a session of its own, so that a terminal's Ctrl-C reaches only pyro. */
export function startProgram(path: string, args: readonly string[], options: ProgramOptions = {}): RunningProgram {
  options.signal?.throwIfAborted();
  const child = spawn(path, args, {
    cwd: options.cwd ?? "/",
    env: { ...cleanEnvironment, ...options.env },
    stdio: ["pipe", "pipe", "pipe", ...(options.fds ?? []).map((fd) => (fd === "stream" ? "pipe" : fd))],
    detached: true,
  });
  const { stdin, stdout, stderr, pid } = child;
  if (stdin === null || stdout === null || stderr === null)
    throw new PyroError("host_io_failed", `cannot start "${path}"`);
  // A program that ends without reading its input is reported by its exit status.
  stdin.on("error", () => undefined);
  const kill = () => killGroup(child);
  const ended = endOf(child, path);
  options.signal?.addEventListener("abort", kill, { once: true });
  const forget = () => options.signal?.removeEventListener("abort", kill);
  ended.then(forget, forget);
  return { pid: pid ?? -1, stdin, stdout, stderr, feed: feedOf(child, options.fds ?? []), ended, kill };
}

function feedOf(child: ChildProcess, fds: readonly (number | "stream")[]): Writable | undefined {
  const at = fds.indexOf("stream");
  const stream = at < 0 ? undefined : child.stdio[FIRST_FD + at];
  if (stream === undefined || stream === null || !("write" in stream)) return undefined;
  stream.on("error", () => undefined);
  return stream;
}

function endOf(child: ChildProcess, path: string): Promise<ProgramExit> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      reject(new PyroError("host_io_failed", `cannot start "${path}": ${cause.message}`, { cause }));
    });
    child.once("close", (exit_code, signal) => resolve({ exit_code, signal }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

/** What a finished program printed. */
export interface ProgramResult extends ProgramExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a program whose output is collected. */
export interface RunOptions extends ProgramOptions {
  readonly stdin?: string | Uint8Array;
  readonly timeout_ms?: number;
  /** Most bytes kept of each output; the rest is dropped. */
  readonly max_output_bytes?: number;
}

/** Runs a program to its end; a non-zero exit is a result, a cancelled run throws `cancelled`. */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  if (options.signal?.aborted) throw cancelled(path);
  const program = startProgram(path, args, options);
  const max = options.max_output_bytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  const stdout = collect(program.stdout, max);
  const stderr = collect(program.stderr, max);
  const timer = options.timeout_ms === undefined ? undefined : setTimeout(program.kill, options.timeout_ms);
  program.stdin.end(options.stdin);
  try {
    const exit = await program.ended;
    if (options.signal?.aborted) throw cancelled(path);
    return { ...exit, stdout: stdout(), stderr: stderr() };
  } finally {
    clearTimeout(timer);
  }
}

function cancelled(path: string): PyroError {
  return new PyroError("cancelled", `cancelled while "${path}" was running`);
}

function collect(stream: Readable, max: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    const kept = chunk.subarray(0, Math.max(0, max - size));
    size += kept.length;
    chunks.push(kept);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}
