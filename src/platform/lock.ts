/** Locks between processes: `flock` on a file that stays, held by an open descriptor and so gone with its holder. */
import { closeSync, constants, openSync } from "node:fs";
import { PyroError } from "../contract/errors.ts";
import { errnoOf, ioError, ioErrorFromText } from "./files.ts";
import { findProgram, runProgram } from "./programs.ts";

/** Exit status of `flock -n` when somebody else holds the lock. */
const BUSY = 1;

/** Held alone, or together with others. */
type LockKind = "-x" | "-s";

/** Options of a lock. */
export interface LockOptions {
  /** Ends the wait for the lock. */
  readonly signal?: AbortSignal | undefined;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: (() => void | Promise<void>) | undefined;
}

/** Runs `action` while this process holds the lock. */
export async function withLock<T>(path: string, options: LockOptions, action: () => Promise<T>): Promise<T> {
  const fd = openLock(path);
  try {
    if (!(await tryLock(fd, path))) {
      await options.onWait?.();
      await waitForLock(fd, path, options.signal);
    }
    return await action();
  } finally {
    closeSync(fd);
  }
}

/** The same together with others who share it; whoever holds it alone waits, and is waited for. */
export async function withSharedLock<T>(path: string, options: LockOptions, action: () => Promise<T>): Promise<T> {
  const fd = openLock(path);
  try {
    if (!(await tryLock(fd, path, "-s"))) {
      await options.onWait?.();
      await waitForLock(fd, path, options.signal, "-s");
    }
    return await action();
  } finally {
    closeSync(fd);
  }
}

/** The same, but gives undefined at once where somebody else holds the lock. */
export async function withFreeLock<T>(path: string, action: () => Promise<T>): Promise<T | undefined> {
  const fd = openLock(path);
  try {
    return (await tryLock(fd, path)) ? await action() : undefined;
  } finally {
    closeSync(fd);
  }
}

/** A directory that this process has to itself, until it is closed or the process ends. */
export interface Hold {
  close(): void;
}

/** Takes a directory for this process alone; undefined where another one has it, or there is none. */
export async function holdDirectory(path: string): Promise<Hold | undefined> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw ioError(thrown, "open", path);
  }
  let isOurs = false;
  try {
    isOurs = await tryLock(fd, path);
  } finally {
    if (!isOurs) closeSync(fd);
  }
  return isOurs ? { close: () => closeSync(fd) } : undefined;
}

function openLock(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw ioError(thrown, "open the lock", path);
  }
}

/** Locks what is open, a directory as well, until the descriptor is closed; false where somebody else holds the lock. */
// The lock belongs to the open file description, which the child shares only while it runs.
export async function tryLock(fd: number, path: string, kind: LockKind = "-x"): Promise<boolean> {
  const { exit_code, stderr } = await runProgram(findProgram("flock"), [kind, "-n", "3"], { fds: [fd] });
  if (exit_code === 0) return true;
  if (exit_code === BUSY && stderr === "") return false;
  throw ioErrorFromText(stderr, "lock", path);
}

async function waitForLock(
  fd: number,
  path: string,
  signal: AbortSignal | undefined,
  kind: LockKind = "-x",
): Promise<void> {
  const options = signal === undefined ? { fds: [fd] } : { fds: [fd], signal };
  const { exit_code, stderr } = await runProgram(findProgram("flock"), [kind, "3"], options);
  if (exit_code === 0) return;
  throw exit_code === null
    ? new PyroError("host_io_failed", `the wait for the lock "${path}" was killed`)
    : ioErrorFromText(stderr, "lock", path);
}
