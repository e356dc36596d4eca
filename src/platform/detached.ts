/** A Node process of ours that outlives us: in a session of its own, with no terminal and nothing of ours open. */
import { spawn } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { Readable } from "node:stream";
import { ioError } from "./files.ts";

/** Variables that such a process keeps; nothing else of a caller's environment stays behind in it. */
const keptVariables =
  /^(?:PATH|HOME|LANG|LC_.*|TMPDIR|XDG_(?:DATA|CACHE|CONFIG)_HOME|PYRO_.*|DOCKER_CONFIG|(?:https?|no)_proxy)$/i;

/** It has values of secrets in its memory, and what it starts has a guest's: none of them is written down when it crashes. */
const WITHOUT_CORE = 'ulimit -c 0; exec "$@"';

/** Descriptor on which it says that it is ready. */
export const READY_FD = 3;

/** Says so to who started this process, and closes that way. */
export function sayReady(word: string): void {
  try {
    writeSync(READY_FD, word);
    closeSync(READY_FD);
  } catch {
    // Whoever started us has gone.
  }
}

/** Starts `script` and resolves with what it writes to `READY_FD` before it closes that; empty where it ended without a word. */
export async function startDetached(script: string, args: readonly string[], logPath: string): Promise<string> {
  const log = openLog(logPath);
  try {
    const node = [process.execPath, "--max-semi-space-size=1", script, ...args];
    const child = spawn("/bin/sh", ["-c", WITHOUT_CORE, "sh", ...node], {
      cwd: "/",
      detached: true,
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => keptVariables.test(name))),
      stdio: ["ignore", log, log, "pipe"],
    });
    const failed = new Promise<never>((_, reject) =>
      child.once("error", (error) => reject(ioError(error, "start", script))),
    );
    const ready = child.stdio[READY_FD] as Readable;
    const said = await Promise.race([collected(ready), failed]);
    child.unref();
    return said;
  } finally {
    closeSync(log);
  }
}

async function collected(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function openLog(path: string): number {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  try {
    return openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw ioError(thrown, "write", path);
  }
}
