/** Records, directories and keepers that are not as they should be: the others are none the worse, and there is a way out of each. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveCalls } from "../../src/keeper/control-server.ts";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import { newRecord } from "../../src/keeper/record-rules.ts";
import type { WorkspaceRecord } from "../../src/store/workspace-record.ts";
import { patience } from "../support/patience.ts";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";

const environment = "debian:12";
let fake: FakeWorkspaces;
let good: string;
beforeAll(async () => {
  fake = openFakeWorkspaces();
  good = (await fake.pyro.createWorkspace({ environment, name: "good" })).workspace_id;
});
afterAll(() => fake.close());

const input = {
  environment,
  vcpu_count: 1,
  mem_mib: 256,
  ttl_seconds: 1000,
  network_policy: "off",
  label: {},
} as const;

/** A workspace that was stopped, as it is on disk. */
function rested(more: Partial<WorkspaceRecord> = {}): WorkspaceRecord {
  const record = {
    ...newRecord({ ...input, allow_host_compat: false }),
    intent: null,
    wanted: "stopped",
    ...more,
  } as const;
  fake.host.store.create(record);
  return record;
}

const id = ({ workspace_id }: { readonly workspace_id: string }) => ({ workspace_id });
const pathOf = ({ workspace_id }: WorkspaceRecord) => fake.host.store.paths.workspace(workspace_id);
const fileOf = ({ workspace_id }: WorkspaceRecord) => fake.host.store.paths.workspaceRecord(workspace_id);
const listed = async () => (await fake.pyro.listWorkspaces()).workspaces.map(({ workspace_id }) => workspace_id);

function relink(path: string, target: string): void {
  rmSync(path);
  symlinkSync(target, path);
}

/** What becomes of a record or a directory. */
const damages: readonly (readonly [string, (record: WorkspaceRecord) => void])[] = [
  ["an empty record", (record) => writeFileSync(fileOf(record), "")],
  ["a record of zeros", (record) => writeFileSync(fileOf(record), Buffer.alloc(22))],
  ["half a record", (record) => truncateSync(fileOf(record), 200)],
  ["another's record", (record) => writeFileSync(fileOf(record), JSON.stringify({ ...record, workspace_id: good }))],
  [
    "a record of a later version",
    (record) => writeFileSync(fileOf(record), JSON.stringify({ ...record, schema_version: 2 })),
  ],
  ["a record of something else", (record) => writeFileSync(fileOf(record), '{"schema_version": 1, "kind": "cat"}')],
  ["a record that is no object", (record) => writeFileSync(fileOf(record), "[[]]")],
  ["a record that refers to itself", (record) => relink(fileOf(record), "workspace.json")],
  ["an endless record", (record) => truncateSync(fileOf(record), 2 ** 30)],
  ["no record", (record) => rmSync(fileOf(record))],
  [
    "a directory for a record",
    (record) => {
      rmSync(fileOf(record));
      mkdirSync(join(fileOf(record), "x"), { recursive: true });
    },
  ],
  [
    "a file for a directory",
    (record) => {
      rmSync(pathOf(record), { recursive: true });
      writeFileSync(pathOf(record), "x");
    },
  ],
  [
    "a link for a directory",
    (record) => {
      rmSync(pathOf(record), { recursive: true });
      symlinkSync(fake.room, pathOf(record));
    },
  ],
];

describe("a workspace with", () => {
  it.each(damages)("%s is listed apart, refused, deleted by its id, or set aside", async (_, damage) => {
    writeFileSync(join(fake.room, "canary"), "canary");
    for (const wayOut of ["delete", "reap"]) {
      const record = rested({ name: "bad" });
      damage(record);
      const { workspace_id } = record;
      const { damaged } = await fake.pyro.listWorkspaces();
      expect(damaged).toEqual([{ workspace_id, reason: expect.stringMatching(/./) }]);
      expect(await listed()).toEqual([good]);
      await expect(fake.pyro.statusWorkspace({ workspace_id })).rejects.toMatchObject({ code: "workspace_damaged" });
      await expect(fake.pyro.startWorkspace({ workspace_id })).rejects.toMatchObject({ code: "workspace_damaged" });
      const other = await fake.pyro.createWorkspace({ environment });
      await fake.pyro.deleteWorkspace(id(other));
      expect((await fake.pyro.listWorkspaces()).damaged).toHaveLength(1);
      if (wayOut === "delete") expect(await fake.pyro.deleteWorkspace({ workspace_id })).toEqual({ workspace_id });
      else expect((await fake.pyro.reapExpired()).removed).toEqual([{ workspace_id, name: null, reason: "damaged" }]);
      expect((await fake.pyro.listWorkspaces()).damaged).toEqual([]);
    }
    expect(readFileSync(join(fake.room, "canary"), "utf8")).toBe("canary");
  });

  it("a damaged record while it runs is not set aside, and can be deleted", async () => {
    const { workspace_id } = await fake.pyro.createWorkspace({ environment });
    writeFileSync(fake.host.store.paths.workspaceRecord(workspace_id), "{");
    expect((await fake.pyro.reapExpired()).removed).toEqual([]);
    expect(await fake.pyro.deleteWorkspace({ workspace_id })).toEqual({ workspace_id });
    expect(await listed()).toEqual([good]);
  });

  it("files where its directories should be is listed all the same", async () => {
    const record = rested();
    writeFileSync(join(pathOf(record), "history-0"), "");
    symlinkSync("activity", join(pathOf(record), "activity"));
    expect(await listed()).toContain(record.workspace_id);
    await fake.pyro.deleteWorkspace(id(record));
  });
});

it("a change that cannot be noted is made and answered all the same", async () => {
  const { workspace_id } = await fake.pyro.createWorkspace({ environment });
  const paths = fake.host.store.paths.partsOf(workspace_id);
  for (const path of [join(paths.history(0), "journal"), paths.activity]) {
    rmSync(path, { force: true });
    mkdirSync(path);
  }
  expect(await fake.pyro.writeWorkspaceFile({ workspace_id, path: "f", text: "f" })).toMatchObject({ is_new: true });
  await fake.pyro.pushWorkspaceSync({ workspace_id, source: fake.room });
  await fake.pyro.deleteWorkspace({ workspace_id });
});

describe("what was left", () => {
  it("unfinished is reaped by the next create, unless somebody is about to find it a keeper", async () => {
    const left = rested({ intent: "creating", name: "half" });
    const live = rested({ intent: "creating" });
    new KeeperRecord(fake.host.store.paths.partsOf(live.workspace_id).keeperRecord).write(false);
    expect(await fake.pyro.statusWorkspace(id(live))).toMatchObject({ state: "starting", failure: null });
    await expect(fake.pyro.listWorkspaceFiles(id(live))).rejects.toMatchObject({ code: "workspace_busy" });
    const made = await fake.pyro.createWorkspace({ environment, name: "half" });
    expect([existsSync(pathOf(left)), existsSync(pathOf(live))]).toEqual([false, true]);
    await fake.pyro.deleteWorkspace(id(made));
    await fake.pyro.deleteWorkspace(id(live));
    const deleting = rested({ intent: "deleting", name: "gone" });
    await expect(fake.pyro.statusWorkspace({ workspace_id: "gone" })).rejects.toMatchObject({
      code: "workspace_not_found",
    });
    expect(existsSync(pathOf(deleting))).toBe(false);
  });

  it("expired is reaped with its reason, and its name is free for an update as well", async () => {
    const over = { expires_at: new Date(0).toISOString(), expires_boot: { boot_id: "another", uptime_ms: 0 } };
    const { workspace_id } = rested({ ...over, name: "over" });
    expect(await listed()).toEqual([good]);
    expect(await fake.pyro.reapExpired()).toEqual({ removed: [{ workspace_id, name: "over", reason: "expired" }] });
    rested({ ...over, name: "over" });
    await fake.pyro.updateWorkspace({ workspace_id: good, name: "over" });
    await fake.pyro.updateWorkspace({ workspace_id: good, name: "good" });
  });

  it("by somebody else in place of a directory keeps nobody from creating", async () => {
    const { paths } = fake.host.store;
    const odd = rested({ intent: "deleting" });
    renameSync(paths.staging, `${paths.staging}.away`);
    writeFileSync(paths.staging, "");
    await expect(fake.pyro.createWorkspace({ environment })).rejects.toMatchObject({ code: "state_dir_unsafe" });
    expect(existsSync(pathOf(odd))).toBe(false);
    rmSync(paths.staging);
    renameSync(`${paths.staging}.away`, paths.staging);
  });
});

describe("a keeper of another version", () => {
  it("whose status nobody understands is said to be outdated, and keeps no other from being listed", async () => {
    const record = rested({ wanted: "started" });
    const listening = await serveCalls(pathOf(record), { status: async () => ({ state: "dreaming" }) });
    const { workspaces } = await fake.pyro.listWorkspaces();
    expect(workspaces.map(({ workspace_id, failure }) => [workspace_id, failure?.code])).toEqual(
      expect.arrayContaining([
        [good, undefined],
        [record.workspace_id, "keeper_outdated"],
      ]),
    );
    await listening.close();
    expect(await fake.pyro.statusWorkspace(id(record))).toMatchObject({
      state: "failed",
      failure: { code: "keeper_lost" },
    });
    await fake.pyro.deleteWorkspace(id(record));
  });
});

it("two hundred workspaces, some damaged, are listed within a second", async () => {
  const records = Array.from({ length: 200 }, () => rested());
  for (const record of records.slice(0, 10)) writeFileSync(fileOf(record), "{");
  const began = performance.now();
  const { workspaces, damaged } = await fake.pyro.listWorkspaces();
  expect(performance.now() - began).toBeLessThan(1000 * patience);
  expect([workspaces.length, damaged.length]).toEqual([191, 10]);
  for (const record of records) rmSync(pathOf(record), { recursive: true });
  expect(readdirSync(fake.host.store.paths.workspaces)).toEqual([good]);
});
