/** The process's own terminal: output that waits for its reader, signals, exit. */
import { createReadStream, write } from "node:fs";
import type { Readable } from "node:stream";
import { ioError } from "./files.ts";

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

/** Resolves when everything is written, or after `patience_ms` where nobody reads. */
export async function allWritten(patience_ms: number): Promise<void> {
  const until = performance.now() + patience_ms;
  while (pendingWrites > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
}

/** Standard input where something other than a terminal is connected to it. */
export function pipedInput(): Readable | undefined {
  return process.stdin.isTTY ? undefined : process.stdin;
}

/** All of a file, or of standard input where `path` is `-`; undefined where it is longer than `max_bytes`. */
export async function readInput(path: string, max_bytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of path === "-" ? process.stdin : createReadStream(path)) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > max_bytes) return undefined;
    }
  } catch (thrown) {
    throw ioError(thrown, "read", path);
  }
  return Buffer.concat(chunks);
}

/** Leaves at once; with a write still blocked, by SIGKILL, since an orderly exit would wait for its thread. */
export function exitNow(status: number): never {
  if (pendingWrites > 0) process.kill(process.pid, "SIGKILL");
  process.exit(status);
}

export const stdoutIsTerminal = (): boolean => process.stdout.isTTY === true;
export const stderrIsTerminal = (): boolean => process.stderr.isTTY === true;
export const stderrColumns = (): number => process.stderr.columns ?? 80;
