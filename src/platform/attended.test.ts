/** A program in a cage begins only while somebody is at the other end of its socket. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { packageRoot } from "./package-root.ts";

const agent = join(packageRoot(), "dist/guest/pyro-agent");

/** Exit status of `true`, begun as soon as `ready` has passed. */
async function attended(fd: string, ready: (socket: Duplex) => void): Promise<number | null> {
  const child = spawn("sh", ["-c", 'read go; exec "$0" "$@"', agent, "attend", fd, "/bin/true"], {
    stdio: ["pipe", "ignore", "ignore", "pipe"],
  });
  ready(child.stdio[3] as Duplex);
  child.stdin?.end("go\n");
  const [status] = await once(child, "exit");
  (child.stdio[3] as Duplex).destroy();
  return status;
}

describe("a program that is attended", () => {
  it("begins while somebody waits for it", async () => {
    expect(await attended("3", () => {})).toBe(0);
  });

  it("does not begin when nobody does any more", async () => {
    expect(await attended("3", (socket) => socket.destroy())).toBe(2);
  });

  it.each(["9", "x", ""])("does not begin with descriptor %j", async (fd) => {
    expect(await attended(fd, () => {})).toBe(2);
  });
});
