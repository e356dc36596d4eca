/** Commands in a real machine: what its kernel says of their end reaches the result. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { statePaths } from "../../src/store/paths.ts";
import { Commands } from "../../src/workspaces/commands/commands.ts";
import { CommandHistory } from "../../src/workspaces/history/history.ts";
import { MachineSession, newVmId } from "../../src/workspaces/session.ts";
import { guestsOf, quiet, SHAPE } from "../support/guests.ts";
import { patience } from "../support/patience.ts";

const MEM_MIB = 256;
let directory: string;
let session: MachineSession;
let commands: Commands;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "pyro-commands-"));
  const history = CommandHistory.open(join(directory, "history"));
  const open = await guestsOf(statePaths()).source.open({ ...SHAPE, mem_mib: MEM_MIB }, quiet);
  session = await MachineSession.begin(open, newVmId(), quiet.signal);
  commands = new Commands({ workspace_id: "ws-0123456789ab", mem_mib: MEM_MIB, history, session: () => session });
});
afterAll(async () => {
  await session.close();
  rmSync(directory, { recursive: true });
});

const shell = (script: string, timeout_seconds = 120 * patience) =>
  commands.exec(
    { command: ["sh", "-c", script], timeout_seconds, detach: false },
    { signal: quiet.signal, emit: () => {}, stdin: undefined },
  );

it("says that the kernel killed a command for memory, and no other", async () => {
  const bystander = shell("sleep 20; echo alive");
  // One line that never ends, which tail holds in memory.
  const result = await shell("echo begun; tail /dev/zero");
  expect(result).toMatchObject({
    exit_code: 137,
    stdout: "begun\n",
    outcome: { kind: "oom", remedy: expect.stringContaining("--mem-mib 512"), retry_safe: false },
  });
  expect(await shell("cat /proc/1/oom_score_adj /proc/self/oom_score_adj")).toMatchObject({
    stdout: "-1000\n0\n",
    outcome: { kind: "exited" },
  });
  expect(await bystander).toMatchObject({ stdout: "alive\n", outcome: { kind: "exited" } });
});

it("does not call another death one for memory", async () => {
  expect(await shell("kill -KILL $$")).toMatchObject({ exit_code: 137, outcome: { kind: "signal" } });
  const survived = await shell("tail /dev/zero; echo $?");
  expect(survived).toMatchObject({ exit_code: 0, stdout: "137\n", outcome: { kind: "exited" } });
  expect(survived.outcome?.detail).toContain("memory");
});

it("says that a file system is full", async () => {
  const mounted = await shell("mkdir -p /tmp/full && mount -t tmpfs -o size=1m none /tmp/full");
  expect(mounted.exit_code).toBe(0);
  const run = (script: string, cwd: string) =>
    commands.exec(
      { command: ["sh", "-c", script], timeout_seconds: 120, detach: false, cwd },
      { signal: quiet.signal, emit: () => {}, stdin: undefined },
    );
  expect(await run("head -c 2000000 /dev/zero > file", "/tmp/full")).toMatchObject({
    outcome: { kind: "disk_full", remedy: expect.stringContaining("pyro workspace reset") },
  });
  expect(await run("true", "/tmp/full")).toMatchObject({ exit_code: 0, outcome: { kind: "exited" } });
  for (const cwd of ["/", "/proc", "/sys/fs/cgroup", "/dev"])
    expect(await run("exit 3", cwd)).toMatchObject({ exit_code: 3, outcome: { kind: "exited" } });
  expect(await shell("exit 3")).toMatchObject({ outcome: { kind: "exited" } });
});

it("says that the workspace's disk is full, as long as it is", async () => {
  const available = "$(df -B1 --output=avail . | tail -1)";
  const taken = await shell(`fallocate -l $((${available} - 1000000)) large; echo $?`);
  expect(taken.stdout).toBe("0\n");
  expect(await shell("head -c 50000000 /dev/urandom > more; cat more more > most")).toMatchObject({
    exit_code: 1,
    outcome: { kind: "disk_full", detail: expect.stringContaining("its working directory") },
  });
  expect(await shell("rm large more most; exit 3")).toMatchObject({ exit_code: 3, outcome: { kind: "exited" } });
});

it("finds a server, a port and a file in the machine", async () => {
  const wait = (condition: Record<string, unknown>) =>
    commands.wait({ ...condition, timeout_seconds: 1 }, { signal: quiet.signal });
  expect(await wait({ file: "/etc/passwd" })).toMatchObject({ reason: "matched", last_seen: "file" });
  expect(await wait({ port: 9 })).toMatchObject({ reason: "timeout", last_seen: expect.stringContaining("refused") });
});
