/** A keeper or caller that is killed at any step: what was promised is there, the rest wholly there or wholly absent, and nothing is left. */
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { before, CutChanges, cuts } from "../support/cut-changes.ts";
import { type FakeProcesses, openFakeProcesses } from "../support/fake-processes.ts";
import { patience } from "../support/patience.ts";

const environment = "debian:12";
let fake: FakeProcesses;
let cut: CutChanges;
let seed: string;
beforeAll(async () => {
  fake = await openFakeProcesses();
  cut = new CutChanges(fake);
  ({ seed } = cut);
});
afterEach(() => fake.fail(undefined));
afterAll(() => fake.close());

const names = async () => (await fake.pyro.listWorkspaces()).workspaces.map(({ name }) => name);

describe("a keeper that is killed while it creates", () => {
  const points = ["create.disk_cloned", "create.hello", "seeding.half", "create.seed_commit"];
  it.each([...points, "create.record_ready"])("at %s leaves nothing, and the name is free", async (point) => {
    fake.fail(`${point}:1:kill9`);
    const made = fake.pyro.createWorkspace({ environment, name: "cut", seed_path: seed });
    await expect(made).rejects.toMatchObject({ code: "keeper_lost" });
    expect(await fake.leftovers()).toEqual([]);
    fake.fail(undefined);
    await fake.pyro.createWorkspace({ environment, name: "cut" });
    await fake.pyro.deleteWorkspace({ workspace_id: "cut" });
  });

  it("or finds the disk full leaves nothing", async () => {
    fake.fail("create.disk_cloned:1:enospc");
    const full = fake.pyro.createWorkspace({ environment, name: "full" });
    await expect(full).rejects.toMatchObject({ code: "host_disk_full" });
    expect(await fake.leftovers()).toEqual([]);
  });
});

describe("a caller that goes away while its workspace is created", () => {
  it.each(["create.name_reserved", "create.kept"])("killed at %s leaves nothing", async (point) => {
    fake.fail(`${point}:1:kill9`);
    await once(fake.caller("createWorkspace", { environment, name: "left" }), "exit");
    fake.fail(undefined);
    await expect.poll(names, { timeout: 10_000 }).toEqual([]);
    await fake.pyro.createWorkspace({ environment, name: "left" });
    await fake.pyro.deleteWorkspace({ workspace_id: "left" });
    expect(await fake.leftovers()).toEqual([]);
  });

  it("killed when its keeper has begun has it finished and listed", async () => {
    const child = fake.caller("createWorkspace", { environment, name: "orphan", seed_path: seed });
    await expect.poll(() => fake.machines().length, { timeout: 20_000, interval: 5 }).toBe(1);
    child.kill("SIGKILL");
    const state = async () => (await fake.pyro.statusWorkspace({ workspace_id: "orphan" })).state;
    await expect.poll(state, { timeout: 10_000 }).toBe("started");
    expect(await cut.content("orphan")).toEqual({ a: "a", b: "b", c: "c" });
    await fake.pyro.deleteWorkspace({ workspace_id: "orphan" });
    expect(await fake.leftovers()).toEqual([]);
  });

  it.each(["create.hello", "seeding.half"])("by Ctrl-C has nothing left when it ends, hanging at %s", async (point) => {
    fake.fail(`${point}:1:hang`);
    const child = fake.caller("createWorkspace", { environment, name: "stopped", seed_path: seed });
    const output: Buffer[] = [];
    child.stdout?.on("data", (data: Buffer) => output.push(data));
    const begun = () => (point === "create.hello" ? fake.machines().length : fake.baselines().length);
    await expect.poll(begun, { timeout: 20_000, interval: 5 }).toBe(1);
    child.kill("SIGINT");
    await once(child, "close");
    expect(JSON.parse(Buffer.concat(output).toString())).toMatchObject({ error: { code: "cancelled" } });
    expect(await names()).toEqual([]);
    expect(await fake.leftovers()).toEqual([]);
  });
});

describe("a keeper that is killed during a change", () => {
  it.each([...cuts, ["stop", "stop.vmm_killed"] as const])("%s at %s", async (name, point) => {
    const change = cut.named(name);
    const workspace_id = await cut.workspace(point, "kill9");
    await expect(change.run(workspace_id)).rejects.toMatchObject({ code: "keeper_lost" });
    const { state, failure } = await fake.pyro.statusWorkspace({ workspace_id });
    if (state !== "stopped") expect([state, failure?.code]).toEqual(["failed", "keeper_lost"]);
    const code = state === "stopped" ? "workspace_stopped" : "workspace_crashed";
    await expect(cut.content(workspace_id)).rejects.toMatchObject({ code });
    await expect.poll(() => fake.machines(), { timeout: 2_000 * patience }).toEqual([]);
    await fake.pyro.startWorkspace({ workspace_id });
    expect([before, change.after]).toContainEqual(await cut.content(workspace_id));
    await cut.usableAndGone(workspace_id);
  });
});

describe("a keeper that is killed during a command", () => {
  it.each([
    ["exec.accepted", "guest_lost", ""],
    ["exec.exit_seen", "guest_lost", "begun\n"],
    ["exec.log_flushed", "exited", "begun\n"],
    ["exec.reply", "exited", "begun\n"],
  ])("at %s leaves it in the history as %s", async (point, outcome_kind, output) => {
    fake.fail(`${point}:1:kill9`);
    const { workspace_id } = await fake.pyro.createWorkspace({ environment });
    fake.fail(undefined);
    const running = fake.pyro.execWorkspace({ workspace_id, command: ["sh", "-c", "echo begun"] });
    await expect(running).rejects.toMatchObject({ code: "keeper_lost" });
    await expect.poll(() => fake.machines(), { timeout: 2_000 * patience }).toEqual([]);
    await fake.pyro.startWorkspace({ workspace_id });
    const { commands } = await fake.pyro.logsWorkspace({ workspace_id });
    expect(commands).toMatchObject([{ sequence: 1, state: "finished", outcome_kind }]);
    expect((await fake.pyro.logsWorkspace({ workspace_id, sequence: 1 })).output).toBe(output);
    const again = await fake.pyro.execWorkspace({ workspace_id, command: ["true"] });
    expect(again).toMatchObject({ sequence: 2, exit_code: 0 });
    await fake.pyro.deleteWorkspace({ workspace_id });
    expect(await fake.leftovers()).toEqual([]);
  });
});

describe("a keeper", () => {
  it.each(["delete.vmm_killed", "delete.record_removed"])("that is killed at %s has it deleted", async (point) => {
    fake.fail(`${point}:1:kill9`);
    const { workspace_id } = await fake.pyro.createWorkspace({ environment, name: "gone" });
    fake.fail(undefined);
    expect(await fake.pyro.deleteWorkspace({ workspace_id })).toEqual({ workspace_id });
    await fake.pyro.createWorkspace({ environment, name: "gone" });
    await fake.pyro.deleteWorkspace({ workspace_id: "gone" });
    expect(await fake.leftovers()).toEqual([]);
  });

  it.each(["exporting.half", "export.renamed"])(
    "that is killed at %s leaves all or nothing on the host",
    async (at) => {
      const parent = join(fake.room, at);
      mkdirSync(parent);
      const output = join(parent, "out");
      fake.fail(`${at}:1:kill9`);
      const { workspace_id } = await fake.pyro.createWorkspace({ environment, seed_path: seed });
      fake.fail(undefined);
      const request = { workspace_id, path: "/workspace", output };
      await expect(fake.pyro.exportWorkspace(request)).rejects.toMatchObject({ code: "keeper_lost" });
      expect(existsSync(output)).toBe(at === "export.renamed");
      await fake.pyro.startWorkspace({ workspace_id });
      await fake.pyro.exportWorkspace({ ...request, force: true });
      expect(readdirSync(parent)).toEqual(["out"]);
      expect(readFileSync(join(output, "c"), "utf8")).toBe("c");
      await fake.pyro.deleteWorkspace({ workspace_id });
      expect(await fake.leftovers()).toEqual([]);
    },
  );

  it.each([
    ["push", "pushing.half"],
    ["push", "pushing.staged"],
    ["snapshot", "snapshot.quiesce"],
    ["reset", "reset.intent"],
  ])("whose host fails to read or write during a %s at %s has changed nothing, and goes on", async (name, point) => {
    const change = cut.named(name);
    const workspace_id = await cut.workspace(point, "eio");
    await expect(change.run(workspace_id)).rejects.toMatchObject({ code: "host_io_failed" });
    expect(await cut.content(workspace_id)).toEqual(before);
    expect((await fake.pyro.listSnapshots({ workspace_id })).snapshots).toHaveLength(1);
    await change.run(workspace_id);
    expect(await cut.content(workspace_id)).toEqual(change.after);
    await fake.pyro.deleteWorkspace({ workspace_id });
    expect(await fake.leftovers()).toEqual([]);
  });

  it("that finds the disk full while a snapshot holds the disk still ends, and says so", async () => {
    const workspace_id = await cut.workspace("snapshot.copied", "enospc");
    const full = fake.pyro.createSnapshot({ workspace_id, snapshot_name: "one" });
    await expect(full).rejects.toMatchObject({ code: "host_disk_full" });
    expect(await fake.pyro.statusWorkspace({ workspace_id })).toMatchObject({
      state: "failed",
      failure: { code: "host_disk_full" },
    });
    await expect(cut.content(workspace_id)).rejects.toMatchObject({ code: "workspace_crashed" });
    await fake.pyro.startWorkspace({ workspace_id });
    expect(await cut.content(workspace_id)).toEqual(before);
    await cut.usableAndGone(workspace_id);
  });
});
