/** Long-lived child processes that share nothing with us but the descriptors they are given. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";

/** What the child gets at a descriptor number: a fresh stream to us, one of our open files, or `/dev/null`. */
export type ChildFile = "stream" | number | undefined;

export interface ChildSpec {
  /** Absolute path of the agent, which supervises the program: with none of our other descriptors, and bound to our life */
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
/** How long the supervisor may take to end all of a child, in milliseconds; killed, it leaves that to the kernel. */
const SUPERVISED_MS = 3_000;

/** How a child ended. */
export interface ChildEnd {
  readonly exit_code: number | null;
  readonly signal: string | null;
  /** Set when it could not be started at all */
  readonly error?: Error;
}

export interface Child {
  /** Number of the supervisor, whose only child is the program */
  readonly pid: number | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly ended: Promise<ChildEnd>;
  /** The stream at descriptor `number`, where the spec says "stream". */
  stream(number: number): Duplex;
  /** Has the child killed, and everything that it started; they are gone when `ended` resolves. */
  kill(): void;
}

/**
 * Starts a child in a session of its own, so that a terminal's Ctrl-C reaches only us. Its supervisor's standard input is the life
 * line: the other end is ours alone, so that it hangs up with us, however we end.
 */
export function startChild(spec: ChildSpec): Child {
  const last_fd = FIRST_FILE + spec.files.length - 1;
  const child = spawn(spec.launcher, ["launch", String(last_fd), spec.program, ...spec.args], {
    detached: true,
    cwd: "/",
    env: { ...spec.env },
    stdio: ["pipe", "pipe", "pipe", ...spec.files.map(stdio)],
  });
  const lifeLine = duplex(child, 0);
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once("error", (error) => resolve({ exit_code: null, signal: null, error }));
    child.once("exit", (exit_code, signal) => resolve({ exit_code, signal }));
  });
  const kill = () => {
    lifeLine.destroy();
    const late = setTimeout(() => child.kill("SIGKILL"), SUPERVISED_MS).unref();
    ended.then(() => clearTimeout(late));
  };
  const stream = (number: number) => duplex(child, number);
  return { pid: child.pid, stdout: readable(child, 1), stderr: readable(child, 2), ended, stream, kill };
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
