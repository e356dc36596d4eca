/** Long-lived child processes that share nothing with us but the descriptors they are given. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";

/** What the child gets at a descriptor number: a fresh stream to us, one of our open files, or `/dev/null`. */
export type ChildFile = "stream" | number | undefined;

export interface ChildSpec {
  /** Absolute path of the agent, which starts the program with our descriptors closed and bound to our life */
  readonly launcher: string;
  /** Absolute path of the program */
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Descriptors from 3 up */
  readonly files: readonly ChildFile[];
}

/** Number of the first of `files` */
const FIRST_FILE = 3;

/** How a child ended. */
export interface ChildEnd {
  readonly exit_code: number | null;
  readonly signal: string | null;
  /** Set when it could not be started at all */
  readonly error?: Error;
}

export interface Child {
  readonly pid: number | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<ChildEnd>;
  /** The stream at descriptor `number`, where the spec says "stream". */
  stream(number: number): Duplex;
  /** Sends SIGKILL to the child; what it started ends by its own ties to it. */
  kill(): void;
}

/**
 * Starts a child in a session of its own, so that a terminal's Ctrl-C reaches only us.
 * Must be called on the main thread: a parent-death signal follows the thread that spawned.
 */
export function startChild(spec: ChildSpec): Child {
  const last_fd = FIRST_FILE + spec.files.length - 1;
  const child = spawn(spec.launcher, ["launch", String(process.pid), String(last_fd), spec.program, ...spec.args], {
    detached: true,
    cwd: "/",
    env: { ...spec.env },
    stdio: ["ignore", "pipe", "pipe", ...spec.files.map(stdio)],
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once("error", (error) => resolve({ exit_code: null, signal: null, error }));
    child.once("exit", (exit_code, signal) => resolve({ exit_code, signal }));
  });
  return {
    pid: child.pid,
    stdout: readable(child, 1),
    stderr: readable(child, 2),
    ended,
    stream: (number) => duplex(child, number),
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Sends text over a Unix socket of ours with an open file beside it, which Node itself cannot do; `launcher` is the agent. The socket is none of the child's first three descriptors, which Node would make blocking, for us as well. */
export async function sendWithFile(launcher: string, socket: Duplex, text: string, fd: number): Promise<void> {
  const child = spawn(launcher, ["send", text], {
    cwd: "/",
    env: {},
    stdio: ["ignore", "ignore", "ignore", socket, fd],
  });
  const status = await new Promise((resolve) => {
    child.once("error", resolve);
    child.once("exit", resolve);
  });
  // Node stops reading a stream that it hands to a child.
  socket.resume();
  if (status !== 0) throw new PyroError("host_io_failed", "An open file could not be passed on");
}

function stdio(file: ChildFile): "pipe" | "ignore" | number {
  return file === "stream" ? "pipe" : (file ?? "ignore");
}

function readable(child: ChildProcess, number: 1 | 2): Readable {
  const stream = number === 1 ? child.stdout : child.stderr;
  if (stream === null) throw new Error(`descriptor ${number} of the child is no stream`);
  stream.on("error", () => {});
  return stream;
}

function duplex(child: ChildProcess, number: number): Duplex {
  const stream = child.stdio[number];
  if (stream === null || stream === undefined || !("write" in stream) || !("read" in stream)) {
    throw new Error(`descriptor ${number} of the child is no stream`);
  }
  stream.on("error", () => {});
  return stream as Duplex;
}
