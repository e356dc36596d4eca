/** Workspaces on real virtual machines whose processes are killed, stopped, or lose their directory: nothing is left, and there is a way on. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import { finished, startCli } from "../support/cli.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { descendants, type ProcessIdentity, survivors, untilEmpty } from "../support/leftovers.ts";
import { patience } from "../support/patience.ts";
import { openVmHome, type VmHome } from "../support/vm-home.ts";

let home: VmHome;

beforeAll(async () => {
  home = await openVmHome("faults");
});
afterAll(() => home?.close());

const keeperOf = (workspace_id: string): number =>
  new KeeperRecord(home.paths.partsOf(workspace_id).keeperRecord).pid() ?? expect.fail("it has no keeper");

/** A workspace whose file was acknowledged a moment ago, its keeper, and the processes that may not outlive that. */
async function kept(): Promise<{ workspace_id: string; keeper: number; processes: ProcessIdentity[] }> {
  const { workspace_id } = await home.pyro.createWorkspace({ environment: ENVIRONMENT });
  await home.pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
  const keeper = keeperOf(workspace_id);
  return { workspace_id, keeper, processes: descendants(keeper) };
}

const content = async (workspace_id: string) =>
  (await home.pyro.readWorkspaceFile({ workspace_id, path: "kept" })).content;

async function goesOnAndGoes(workspace_id: string, processes: ProcessIdentity[]): Promise<void> {
  expect(await untilEmpty(() => survivors(processes), 2000 * patience)).toEqual([]);
  await expect(content(workspace_id)).rejects.toMatchObject({ code: "workspace_crashed" });
  expect(await home.pyro.startWorkspace({ workspace_id })).toMatchObject({ state: "started" });
  expect(await content(workspace_id)).toBe("kept");
  await home.pyro.resetWorkspace({ workspace_id });
  const last = descendants(keeperOf(workspace_id));
  await home.pyro.deleteWorkspace({ workspace_id });
  expect(await untilEmpty(() => survivors(last), 2000 * patience)).toEqual([]);
  expect([...readdirSync(home.paths.workspaces), ...readdirSync(home.paths.staging)]).toEqual([]);
}

describe("a workspace", () => {
  it("whose keeper is told to end, as when the host shuts down, keeps what a command wrote last", async () => {
    const { workspace_id, keeper, processes } = await kept();
    await home.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", "echo late >late"] });
    process.kill(keeper, "SIGTERM");
    expect(await untilEmpty(() => survivors(processes), 15_000 * patience)).toEqual([]);
    const why = { code: "keeper_lost", message: expect.stringContaining("it was told to") };
    expect(await home.pyro.statusWorkspace({ workspace_id })).toMatchObject({ state: "failed", failure: why });
    await home.pyro.startWorkspace({ workspace_id });
    expect((await home.pyro.readWorkspaceFile({ workspace_id, path: "late" })).content).toBe("late\n");
    await home.pyro.deleteWorkspace({ workspace_id });
  });

  it("whose keeper is killed loses its machine, and nothing that was acknowledged", async () => {
    const { workspace_id, keeper, processes } = await kept();
    expect(processes.length).toBeGreaterThan(1);
    process.kill(keeper, "SIGKILL");
    await goesOnAndGoes(workspace_id, processes);
  });

  it("whose QEMU is killed says so within a second", async () => {
    const { workspace_id, processes } = await kept();
    const qemu = processes.find(({ name }) => name.startsWith("qemu")) ?? expect.fail("no QEMU");
    process.kill(qemu.pid, "SIGKILL");
    const code = async () => (await home.pyro.statusWorkspace({ workspace_id })).failure?.code;
    await expect.poll(code, { timeout: 1000 * patience + 2000 }).toBe("guest_lost");
    await goesOnAndGoes(workspace_id, processes);
  });

  it("whose keeper is stopped is listed as such in seconds, refuses calls, and is deleted", async () => {
    const { workspace_id, keeper, processes } = await kept();
    process.kill(keeper, "SIGSTOP");
    const began = performance.now();
    const { workspaces } = await home.pyro.listWorkspaces();
    expect(workspaces).toMatchObject([{ workspace_id, state: "failed", failure: { code: "keeper_stalled" } }]);
    expect(performance.now() - began).toBeLessThan(5000 * patience);
    const refused = expect(content(workspace_id)).rejects.toMatchObject({ code: "keeper_stalled" });
    await delay(1000);
    expect(await home.pyro.deleteWorkspace({ workspace_id })).toEqual({ workspace_id });
    await refused;
    expect(await untilEmpty(() => survivors(processes), 2000 * patience)).toEqual([]);
  });

  it("whose keeper was stopped for a while goes on as if nothing had been", async () => {
    const { workspace_id, keeper, processes } = await kept();
    process.kill(keeper, "SIGSTOP");
    await delay(3000);
    process.kill(keeper, "SIGCONT");
    expect(await content(workspace_id)).toBe("kept");
    expect(survivors(processes)).toEqual(processes);
    await home.pyro.deleteWorkspace({ workspace_id });
  });

  it("whose directory is removed behind its back ends its machine soon", async () => {
    const { workspace_id, processes } = await kept();
    rmSync(home.paths.workspace(workspace_id), { recursive: true });
    await expect(content(workspace_id)).rejects.toMatchObject({ code: "workspace_not_found" });
    expect(await untilEmpty(() => survivors(processes), 15_000 * patience)).toEqual([]);
    expect(readdirSync(home.paths.workspaces)).toEqual([]);
  });
});

describe("pyro workspace create", () => {
  const create = ["workspace", "create", ENVIRONMENT, "--name", "cut"];
  const env = () => ({ PYRO_HOME: home.paths.data });

  it.each([30, 150, 300, 500, 800])("interrupted after %i ms leaves nothing, or all of it", async (moment) => {
    const child = startCli(create, { env: env() });
    const end = finished(child);
    await delay(moment);
    child.kill("SIGINT");
    const { status } = await end;
    expect([0, 130, null]).toContain(status);
    const { workspaces } = await home.pyro.listWorkspaces();
    expect(workspaces.map(({ state }) => state)).toEqual(status === 0 ? ["started"] : []);
    await expect.poll(keepers, { timeout: 10_000 * patience }).toHaveLength(status === 0 ? 1 : 0);
    const again = await home.pyro.createWorkspace({ environment: ENVIRONMENT, name: status === 0 ? "other" : "cut" });
    for (const { workspace_id } of [again, ...workspaces]) await home.pyro.deleteWorkspace({ workspace_id });
  });

  it.each([100, 250, 400, 700])("killed after %i ms finishes, or leaves nothing", async (moment) => {
    const child = startCli(create, { env: env() });
    const end = finished(child);
    await delay(moment);
    child.kill("SIGKILL");
    await end;
    // A keeper that has just been launched may not be seen yet; one that nobody tells what to create goes.
    const settled = async () => {
      const states = (await home.pyro.listWorkspaces()).workspaces.map(({ state }) => state);
      return states.every((state) => state === "started") && states.length === keepers().length;
    };
    await expect.poll(settled, { timeout: 30_000 * patience, interval: 500 }).toBe(true);
    for (const { workspace_id } of (await home.pyro.listWorkspaces()).workspaces)
      await home.pyro.deleteWorkspace({ workspace_id });
    await expect.poll(left, { timeout: 10_000 * patience }).toEqual([]);
  });
});

/** What is left of all workspaces once the unfinished are reaped, but for a directory that was being made: that goes after a minute. */
async function left(): Promise<string[]> {
  await home.pyro.reapExpired();
  // A home in which nothing was created yet has no such directories.
  const names = (directory: string) => (existsSync(directory) ? readdirSync(directory) : []);
  const staged = names(home.paths.staging).filter((name) => !name.includes(".new."));
  return [...names(home.paths.workspaces), ...staged, ...keepers()];
}

/** Keepers of this home. */
function keepers(): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && isKeeper(pid));
}

function isKeeper(pid: string): boolean {
  try {
    const isOfHome = readFileSync(`/proc/${pid}/environ`, "utf8").includes(`PYRO_HOME=${home.paths.data}`);
    return isOfHome && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("keeper.js");
  } catch {
    return false;
  }
}
