/** A machine that is killed at any step of a change: it is done or not, and the workspace goes on. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { before, CutChanges, cuts } from "../support/cut-changes.ts";
import { type FakeProcesses, openFakeProcesses } from "../support/fake-processes.ts";
import { patience } from "../support/patience.ts";

const environment = "debian:12";
let fake: FakeProcesses;
let cut: CutChanges;
beforeAll(async () => {
  fake = await openFakeProcesses();
  cut = new CutChanges(fake);
});
afterEach(() => fake.fail(undefined));
afterAll(() => fake.close());

describe("a machine that is killed during a change", () => {
  const exec = ["exec.accepted", "exec.exit_seen", "exec.reply"].map((point) => ["exec", point] as const);
  it.each([...cuts, ...exec])("%s at %s is done or not, and the workspace starts again", async (name, point) => {
    const change = cut.named(name);
    const workspace_id = await cut.workspace(point, "machine");
    const code = await change.run(workspace_id).then(
      () => "done",
      (thrown: { code: string }) => thrown.code,
    );
    expect(code).toMatch(/^(done|guest_lost|workspace_crashed|keeper_lost|cancelled)$/);
    await expect
      .poll(async () => (await fake.pyro.statusWorkspace({ workspace_id })).state, { timeout: 10_000 * patience })
      .toMatch(/^(failed|stopped|started)$/);
    await fake.pyro.startWorkspace({ workspace_id });
    const now = await cut.content(workspace_id);
    expect(code === "done" ? [change.after] : [before, change.after]).toContainEqual(now);
    await cut.usableAndGone(workspace_id);
  });

  it.each(["create.hello", "create.record_ready"])(
    "create at %s leaves nothing, or a workspace that starts",
    async (point) => {
      fake.fail(`${point}:1:machine`);
      const made = await fake.pyro
        .createWorkspace({ environment, seed_path: cut.seed, name: "cut" })
        .catch(() => undefined);
      fake.fail(undefined);
      if (made !== undefined) {
        await expect.poll(() => fake.keepers(), { timeout: 10_000 * patience }).toEqual([]);
        await fake.pyro.startWorkspace({ workspace_id: "cut" });
        expect(await cut.content(made.workspace_id)).toEqual({ a: "a", b: "b", c: "c" });
        await fake.pyro.deleteWorkspace({ workspace_id: "cut" });
      }
      expect(await fake.leftovers()).toEqual([]);
    },
  );
});
