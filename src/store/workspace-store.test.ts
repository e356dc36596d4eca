/** Records of workspaces: found by id and name, replaced whole, and damaged ones never in the way of the others. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workspaceRecord as record } from "../../tests/support/workspace-records.ts";
import { statePaths } from "./paths.ts";
import type { WorkspaceRecord } from "./workspace-record.ts";
import { WorkspaceStore } from "./workspace-store.ts";

const NEVER_SEEN = "ws-ffffffffffff";
let home: string;
let store: WorkspaceStore;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "pyro-store-"));
  store = new WorkspaceStore(statePaths({ PYRO_HOME: home }));
});
afterEach(() => rmSync(home, { recursive: true }));

const fileOf = ({ workspace_id }: WorkspaceRecord) => store.paths.workspaceRecord(workspace_id);

describe("a workspace's record", () => {
  it("is found by its id and by its name, as it was written last", () => {
    const first = record(1, { name: "fix" });
    store.create(first);
    store.create(record(2));
    expect(store.find(first.workspace_id)).toEqual(first);
    const changed = { ...first, intent: null, labels: { repo: "a" } };
    store.write(changed);
    expect(store.find("fix")).toEqual(changed);
    expect(readdirSync(store.paths.workspace(first.workspace_id))).toEqual(["workspace.json"]);
  });

  it("is a typed error where there is none, or more than one", () => {
    expect(() => store.find("fix")).toThrow(expect.objectContaining({ code: "workspace_not_found" }));
    expect(() => store.find(NEVER_SEEN)).toThrow(expect.objectContaining({ code: "workspace_not_found" }));
    expect(() => store.find("../../etc")).toThrow(expect.objectContaining({ code: "workspace_not_found" }));
    for (const number of [1, 2]) store.create(record(number, { name: "fix" }));
    expect(() => store.find("fix")).toThrow(expect.objectContaining({ code: "workspace_ambiguous" }));
  });

  it("takes no id that is taken, and its directory is ours alone", () => {
    store.create(record(1));
    expect(() => store.create(record(1))).toThrow(expect.objectContaining({ code: "host_io_failed" }));
    store.remove(record(1).workspace_id);
    store.remove(record(1).workspace_id);
    expect(store.list()).toEqual({ records: [], damaged: [] });
    store.create(record(1));
  });
});

function instead(path: string, make: (path: string) => unknown): void {
  rmSync(path);
  make(path);
}

it("a record that is no regular file, or too long, is not read at all", () => {
  for (const number of [1, 2]) store.create(record(number));
  truncateSync(fileOf(record(1)), 1_073_741_824);
  instead(fileOf(record(2)), (name) => execFileSync("mkfifo", [name]));
  const reasons = store.list().damaged.map(({ reason }) => reason);
  expect(reasons).toEqual(["it has 1073741824 bytes", "it is no regular file"]);
});

describe("a workspace that is made or removed", () => {
  const staged = () => readdirSync(store.paths.staging);

  it("appears and disappears in one step, so that nothing is half there", () => {
    const seen: unknown[] = [];
    store.create(record(1), ({ directory }) => {
      seen.push(store.list());
      writeFileSync(join(directory, "first"), "");
    });
    expect(seen).toEqual([{ records: [], damaged: [] }]);
    expect(readdirSync(store.paths.workspace(record(1).workspace_id)).sort()).toEqual(["first", "workspace.json"]);
    const refuse = () => {
      throw new Error("refused");
    };
    expect(() => store.create(record(2), refuse)).toThrow("refused");
    expect([staged(), store.list().records.length]).toEqual([[], 1]);
  });

  it("leaves to the next one what a killed process left: what was removed at once, what was made when it is old", () => {
    store.create(record(1));
    for (const name of ["ws-1.gone.00", "ws-2.new.00", "ws-3.new.00"]) mkdirSync(join(store.paths.staging, name));
    utimesSync(join(store.paths.staging, "ws-2.new.00"), new Date(0), new Date(0));
    store.remove(record(1).workspace_id);
    expect(staged()).toEqual(["ws-3.new.00"]);
  });
});

describe("records that are damaged", () => {
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    ["empty", (path) => writeFileSync(path, "")],
    ["all zeros", (path) => writeFileSync(path, Buffer.alloc(500))],
    ["half", (path) => writeFileSync(path, readFileSync(path, "utf8").slice(0, 200))],
    ["of another schema", (path) => writeFileSync(path, "{}")],
    ["of a later version", (path) => writeFileSync(path, JSON.stringify({ ...record(7), schema_version: 2 }))],
    ["another's", (path) => writeFileSync(path, JSON.stringify(record(8)))],
    ["a directory", (path) => instead(path, mkdirSync)],
    ["a pipe that nobody writes to", (path) => instead(path, (name) => execFileSync("mkfifo", [name]))],
    ["endless", (path) => truncateSync(path, 1_073_741_824)],
    ["a link", (path) => instead(path, (name) => symlinkSync("/etc/passwd", name))],
  ];

  it.each(damages)("because they are %s leave the others alone, and can be set aside", (_, damage) => {
    for (const number of [1, 7]) store.create(record(number));
    damage(fileOf(record(7)));
    const { records, damaged } = store.list();
    expect(records).toEqual([record(1)]);
    expect(damaged).toEqual([{ workspace_id: record(7).workspace_id, reason: expect.any(String) }]);
    expect(() => store.find(record(7).workspace_id)).toThrow(expect.objectContaining({ code: "workspace_damaged" }));
    for (const one of damaged) expect(store.quarantine(one)).toContain(one.workspace_id);
    expect(store.list()).toEqual({ records: [record(1)], damaged: [] });
    expect(readdirSync(store.paths.quarantine)).toHaveLength(2);
  });

  it("are also those whose file is gone though the directory is there", () => {
    store.create(record(1));
    mkdirSync(store.paths.workspace(NEVER_SEEN));
    const damaged = [{ workspace_id: NEVER_SEEN, reason: "it has no record" }];
    expect(store.list()).toEqual({ records: [record(1)], damaged });
    expect(() => store.find(NEVER_SEEN)).toThrow(expect.objectContaining({ code: "workspace_damaged" }));
    store.remove(NEVER_SEEN);
    expect(store.list()).toEqual({ records: [record(1)], damaged: [] });
  });
});

it("two hundred records, some of them damaged, are listed in a moment", () => {
  for (let number = 0; number < 200; number += 1) store.create(record(number));
  for (let number = 0; number < 200; number += 20) writeFileSync(fileOf(record(number)), "{");
  const before = performance.now();
  const { records, damaged } = store.list();
  expect([records.length, damaged.length]).toEqual([190, 10]);
  expect(performance.now() - before).toBeLessThan(500);
});
