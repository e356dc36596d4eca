/** Workspaces on a host that has memory for some of them: those begin, the others are refused before anything is made. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { availableMemoryBytes } from "../../src/platform/host.ts";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";

const environment = "debian:12";
const MIB = 1_048_576;
/** What a workspace of 1024 MiB is expected to take, and what is kept for the host (docs/design/limits.md) */
const EACH_MIB = 320;
const RESERVE_MIB = 256;
const ROOM_FOR = 3;
let fake: FakeWorkspaces;
beforeAll(() => {
  // Every workspace that has begun takes what it was expected to.
  fake = openFakeWorkspaces({
    availableMemory: (store) => {
      const begun = store.list().records.filter(({ intent, wanted }) => intent === null && wanted === "started");
      return (RESERVE_MIB + (ROOM_FOR - begun.length) * EACH_MIB + EACH_MIB / 2) * MIB;
    },
  });
});
afterAll(() => fake.close());

const refused = {
  code: "insufficient_memory",
  details: { needed_mib: expect.any(Number), available_mib: expect.any(Number) },
};

it("of twenty that are created at once three are, and of the others there is no trace", async () => {
  const ends = await Promise.allSettled(Array.from({ length: 20 }, () => fake.pyro.createWorkspace({ environment })));
  const made = ends.filter((end) => end.status === "fulfilled").map(({ value }) => value.workspace_id);
  expect(made).toHaveLength(ROOM_FOR);
  for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject(refused);
  const { workspaces, staging } = fake.host.store.paths;
  expect([readdirSync(workspaces).sort(), readdirSync(staging)]).toEqual([made.sort(), []]);

  const [first = "", second = ""] = made;
  await fake.pyro.stopWorkspace({ workspace_id: first });
  const other = await fake.pyro.createWorkspace({ environment });
  await expect(fake.pyro.startWorkspace({ workspace_id: first })).rejects.toMatchObject(refused);
  expect(await fake.pyro.statusWorkspace({ workspace_id: first })).toMatchObject({ state: "stopped", failure: null });
  expect(await fake.pyro.startWorkspace({ workspace_id: second })).toMatchObject({ state: "started" });
  await fake.pyro.resetWorkspace({ workspace_id: second });
  await fake.pyro.deleteWorkspace({ workspace_id: other.workspace_id });
  expect(await fake.pyro.startWorkspace({ workspace_id: first })).toMatchObject({ state: "started" });
});

it("a small one fits where a large one does not", async () => {
  for (const { workspace_id } of (await fake.pyro.listWorkspaces()).workspaces)
    await fake.pyro.deleteWorkspace({ workspace_id });
  await expect(fake.pyro.createWorkspace({ environment, mem_mib: 8192 })).rejects.toMatchObject(refused);
  expect(await fake.pyro.createWorkspace({ environment, mem_mib: 256 })).toMatchObject({ state: "started" });
});

it("this host says what it has", () => {
  expect(availableMemoryBytes()).toBeGreaterThan(64 * MIB);
});
