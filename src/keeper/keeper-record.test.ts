/** Which process keeps a workspace: known by more than its number, and killed only where it is a keeper. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { bootId } from "../platform/host.ts";
import { startTime } from "../platform/process-facts.ts";
import { KeeperRecord } from "./keeper-record.ts";

let directory: string;
let child: ChildProcess;
let pid: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-noted-"));
  child = spawn("sleep", ["60"]);
  pid = child.pid ?? 0;
});
afterEach(() => {
  child.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

/** The record of the child, but for `more`. */
function noted(more: object = {}): KeeperRecord {
  const path = join(directory, "keeper.json");
  const record = { pid, start_time: startTime(pid), boot_id: bootId(), is_keeper: true, ...more };
  writeFileSync(path, JSON.stringify(record));
  return new KeeperRecord(path);
}

it("a keeper is known, and killed", async () => {
  expect(noted().pid()).toBe(pid);
  const ended = once(child, "exit");
  noted().kill();
  expect(await ended).toEqual([null, "SIGKILL"]);
  await expect.poll(() => noted({ start_time: "1" }).pid()).toBeUndefined();
});

it.each([{ start_time: "1" }, { boot_id: "another" }, { is_keeper: "yes" }])(
  "another process with its number is neither: %j",
  (more) => {
    expect(noted(more).pid()).toBeUndefined();
    noted(more).kill();
    expect(startTime(pid)).toBeDefined();
    expect(child.killed || child.signalCode !== null).toBe(false);
  },
);

it("whoever is about to find a keeper is known, and not killed", async () => {
  const other = noted({ is_keeper: false });
  expect(other.pid()).toBe(pid);
  other.kill();
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([null, "SIGTERM"]);
});

it("this process notes itself and does not kill itself", () => {
  const own = noted();
  own.write(true);
  expect([own.pid(), own.isOurs()]).toEqual([process.pid, true]);
  own.kill();
});
