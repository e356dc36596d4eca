/** Takes a workspace's directory for this process alone: soon, where somebody else has it only for a moment. */
import { setTimeout as delay } from "node:timers/promises";
import { connectTo } from "../platform/control-socket.ts";
import { isDirectory } from "../platform/directories.ts";
import { type Hold, holdDirectory } from "../platform/lock.ts";
import { SOCKET } from "./control-server.ts";

/** Longer than a keeper takes to leave, in milliseconds. */
const TAKE_MS = 6_000;
/** Pause between two looks at whether a workspace is free, in milliseconds. */
const PAUSE_MS = 30;

/** The directory; undefined where a keeper answers in it, where it is gone, or where it is not free within some seconds. */
export async function takeDirectory(directory: string): Promise<Hold | undefined> {
  for (const end = performance.now() + TAKE_MS; ; ) {
    const hold = await holdDirectory(directory);
    if (hold !== undefined) return hold;
    if (performance.now() > end || !isDirectory(directory) || (await isKept(directory))) return undefined;
    await delay(PAUSE_MS);
  }
}

async function isKept(directory: string): Promise<boolean> {
  try {
    const stream = await connectTo(directory, SOCKET);
    stream?.destroy();
    return stream !== undefined;
  } catch {
    return true;
  }
}
