/** Machines that end, callers that go, hosts without room: what is said of it, and what still works. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeProcesses, openFakeProcesses } from "../support/fake-processes.ts";

const environment = "debian:12";
let fake: FakeProcesses;
beforeAll(async () => {
  fake = await openFakeProcesses();
});
afterAll(() => fake.close());

const kept = (workspace_id: string) => fake.pyro.readWorkspaceFile({ workspace_id, path: "kept" });

describe("a workspace", () => {
  it("whose machine ends is crashed with its reason, and started again with what it had", async () => {
    const { workspace_id } = await fake.pyro.createWorkspace({ environment });
    await fake.pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
    for (const pid of fake.machines()) process.kill(pid, "SIGKILL");
    const state = async () => (await fake.pyro.statusWorkspace({ workspace_id })).failure?.code;
    await expect.poll(state, { timeout: 5_000 }).toBe("guest_lost");
    await expect(kept(workspace_id)).rejects.toMatchObject({
      code: "workspace_crashed",
      hint: `pyro workspace start ${workspace_id}`,
    });
    await expect.poll(() => fake.keepers(), { timeout: 10_000 }).toEqual([]);
    expect(await fake.pyro.startWorkspace({ workspace_id })).toMatchObject({ state: "started", failure: null });
    expect(await kept(workspace_id)).toMatchObject({ content: "kept" });
    await fake.pyro.deleteWorkspace({ workspace_id });
    expect(await fake.leftovers()).toEqual([]);
  });

  it("whose keeper is killed at rest takes its machine along, and its socket is in nobody's way", async () => {
    const { workspace_id } = await fake.pyro.createWorkspace({ environment });
    await fake.pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
    for (const pid of fake.keepers()) process.kill(pid, "SIGKILL");
    await expect.poll(() => [...fake.keepers(), ...fake.machines()], { timeout: 5_000 }).toEqual([]);
    await expect(kept(workspace_id)).rejects.toMatchObject({ code: "workspace_crashed" });
    await fake.pyro.startWorkspace({ workspace_id });
    expect(await kept(workspace_id)).toMatchObject({ content: "kept" });
    await fake.pyro.deleteWorkspace({ workspace_id });
  });

  it("outlives the program that made it", async () => {
    const child = fake.caller("createWorkspace", { environment, name: "outlives" });
    await once(child, "close");
    expect(await fake.pyro.statusWorkspace({ workspace_id: "outlives" })).toMatchObject({ state: "started" });
    await fake.pyro.deleteWorkspace({ workspace_id: "outlives" });
    expect(await fake.leftovers()).toEqual([]);
  });

  it("is made by several programs at once, in nobody's way", async () => {
    const names = ["p", "q", "p"];
    const ends = names.map(async (name) => {
      const child = fake.caller("createWorkspace", { environment, name });
      const output: Buffer[] = [];
      child.stdout?.on("data", (data: Buffer) => output.push(data));
      await once(child, "close");
      const { error, state } = JSON.parse(Buffer.concat(output).toString());
      return error?.code ?? state;
    });
    expect((await Promise.all(ends)).sort()).toEqual(["started", "started", "workspace_name_taken"]);
    for (const workspace_id of ["p", "q"]) await fake.pyro.deleteWorkspace({ workspace_id });
    expect(await fake.leftovers()).toEqual([]);
  });
});

/** Runs a script in mounts of its own, where `pyro METHOD JSON` prints the state, or the code of the error. */
function inMounts(script: string): string[] {
  const home = mkdtempSync(join(tmpdir(), "pyro-mounts-"));
  mkdirSync(join(home, "state"), { mode: 0o700 });
  writeFileSync(join(home, "large"), Buffer.alloc(1_048_576));
  const print = "const a = JSON.parse(require('fs').readFileSync(0)); console.log(a.error?.code ?? a.state ?? 'done')";
  const pyro = `pyro() { ${process.execPath} ${fake.script} call "$@" | ${process.execPath} -e "${print}"; }`;
  const { stdout, stderr } = spawnSync("unshare", ["-rm", "sh", "-c", `cd "$1"; ${pyro}; ${script}`, "sh", home], {
    encoding: "utf8",
    env: { ...process.env, PYRO_HOME: join(home, "state") },
  });
  rmSync(home, { recursive: true, force: true });
  expect(stderr).toBe("");
  return stdout.trim().split("\n");
}

const named = `'{"workspace_id": "n"}'`;
const create = `pyro createWorkspace '{"environment": "debian:12", "name": "n"}'`;

describe("a host", () => {
  it("whose disk is full says so, changes nothing, and still stops, starts and deletes", () => {
    const seen = inMounts(`
      mount -t tmpfs -o size=600m none state; chmod 700 state
      ${create}
      fallocate -l $(($(df --output=avail -B1 state | tail -1) - 1048576)) state/filler
      pyro createWorkspace '{"environment": "debian:12"}'
      pyro statusWorkspace ${named}
      cat large > state/rest 2>&-; cat large > state/rest2 2>&-
      pyro updateWorkspace '{"workspace_id": "n", "name": "m"}'
      pyro createSnapshot '{"workspace_id": "n", "snapshot_name": "s"}'
      pyro deleteWorkspace ${named}
      pyro statusWorkspace ${named}`);
    const [created, refused, status, update, snapshot, deleted, gone] = seen;
    expect([created, refused, status]).toEqual(["started", "host_disk_full", "started"]);
    expect([update, snapshot]).toEqual(["host_disk_full", "host_disk_full"]);
    expect([deleted, gone]).toEqual(["done", "workspace_not_found"]);
  });

  it("whose directory cannot be written says so, and still lists", () => {
    const seen = inMounts(`
      ${create}; pyro stopWorkspace ${named}
      mount --bind state state; mount -o remount,ro,bind state
      pyro statusWorkspace ${named}
      pyro listWorkspaces '{}'
      pyro createWorkspace '{"environment": "debian:12"}'
      pyro updateWorkspace '{"workspace_id": "n", "name": "m"}'
      pyro startWorkspace ${named}
      pyro deleteWorkspace ${named}`);
    const refused = "cache_not_writable";
    expect(seen).toEqual(["started", "stopped", "stopped", "done", refused, refused, refused, refused]);
  });
});
