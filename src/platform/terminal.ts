/** The process's own terminal: output that waits for its reader, signals, exit. */
import { write } from "node:fs";
import type { Readable } from "node:stream";

const RETRY_MS = 5;

let pendingWrites = 0;

/** Writes all of `data` to descriptor 1 or 2 without blocking the event loop; rejects with EPIPE when nobody reads. */
export async function writeAll(descriptor: 1 | 2, data: Uint8Array): Promise<void> {
  pendingWrites += 1;
  try {
    for (let at = 0; at < data.length; ) at += await writeSome(descriptor, data.subarray(at));
  } finally {
    pendingWrites -= 1;
  }
}

function writeSome(descriptor: number, data: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, data, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") setTimeout(resolve, RETRY_MS, 0);
      else reject(error);
    });
  });
}

/** Standard input where something other than a terminal is connected to it. */
export function pipedInput(): Readable | undefined {
  return process.stdin.isTTY ? undefined : process.stdin;
}

/** Leaves at once; with a write still blocked, by SIGKILL, since an orderly exit would wait for its thread. */
export function exitNow(status: number): never {
  if (pendingWrites > 0) process.kill(process.pid, "SIGKILL");
  process.exit(status);
}

export const stderrIsTerminal = (): boolean => process.stderr.isTTY === true;
export const stderrColumns = (): number => process.stderr.columns ?? 80;
