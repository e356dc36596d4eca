/** Locks between two takers in one process and between processes. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withFreeLock, withLock } from "./lock.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-lock-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Another process that holds the lock until it is killed. */
async function holder(path: string): Promise<{ kill: () => void }> {
  const script = 'exec 3>>"$1"; flock -x 3; echo held; exec sleep 60';
  const child = spawn("/bin/bash", ["-c", script, "holder", path], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return { kill: () => void child.kill("SIGKILL") };
}

describe("a lock", () => {
  it("is taken at once when it is free, and free again afterwards", async () => {
    const path = join(directory, "free.lock");
    let waited = 0;
    const onWait = () => {
      waited += 1;
    };
    expect(await withLock(path, { onWait }, async () => 1)).toBe(1);
    expect(await withLock(path, { onWait }, async () => 2)).toBe(2);
    await expect(withLock(path, { onWait }, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await withFreeLock(path, async () => 3)).toBe(3);
    expect(waited).toBe(0);
  });

  it("keeps a second taker in this process out", async () => {
    const path = join(directory, "twice.lock");
    const order: string[] = [];
    let letGo = () => {};
    let begun = () => {};
    const isHeld = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = withLock(path, {}, async () => {
      begun();
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
      order.push("first");
    });
    await isHeld;
    expect(await withFreeLock(path, async () => "in")).toBeUndefined();
    const onWait = () => {
      order.push("waiting");
      letGo();
    };
    await withLock(path, { onWait }, async () => void order.push("second"));
    await first;
    expect(order).toEqual(["waiting", "first", "second"]);
  });

  it("is waited for, with word of it, and free once its holder is killed", async () => {
    const path = join(directory, "killed.lock");
    const other = await holder(path);
    const onWait = () => void setTimeout(other.kill, 50);
    expect(await withLock(path, { onWait }, async () => "mine")).toBe("mine");
  });

  it("stops waiting when cancelled", async () => {
    const path = join(directory, "cancelled.lock");
    const other = await holder(path);
    const abort = new AbortController();
    const onWait = () => void setTimeout(() => abort.abort(), 50);
    const wait = withLock(path, { signal: abort.signal, onWait }, async () => "mine");
    await expect(wait).rejects.toMatchObject({ code: "cancelled" });
    other.kill();
  });
});
