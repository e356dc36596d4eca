/** Several callers at once on one workspace, or one name. */
import { describe, expect, it } from "vitest";
import type { Kit } from "./kit.ts";

/** What became of each call: `done`, or the code of its error. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const done = calls.map((call) =>
    call.then(
      () => "done",
      (thrown: unknown) => String((thrown as { code?: string }).code),
    ),
  );
  return (await Promise.all(done)).sort();
}

export function sharingScenarios(kit: Kit): void {
  const state = async (workspace_id: string) => (await kit.pyro.statusWorkspace({ workspace_id })).state;

  describe("callers at once", () => {
    it("that create one name have one winner, and others are in nobody's way", async () => {
      const named = await outcomes([kit.create({ name: "same" }), kit.create({ name: "same" })]);
      expect(named).toEqual(["done", "workspace_name_taken"]);
      const made = await Promise.all([1, 2, 3].map(() => kit.create()));
      expect(await kit.ids()).toEqual(expect.arrayContaining(made.map(({ workspace_id }) => workspace_id)));
      const calls = ["same", ...made.map(({ workspace_id }) => workspace_id)].map((workspace_id) =>
        kit.pyro.deleteWorkspace({ workspace_id }),
      );
      expect(new Set(await outcomes(calls))).toEqual(new Set(["done"]));
    });

    it("that reset, read and write take turns", async () => {
      await kit.within(async (workspace_id) => {
        const reset = () => kit.pyro.resetWorkspace({ workspace_id });
        await kit.write(workspace_id, "f", "old");
        const first = [reset(), kit.read(workspace_id, "f").catch(({ code }: { code: string }) => code), reset()];
        const [, seen] = await Promise.all(first);
        expect(["old", "path_not_found", "cancelled"]).toContain(seen);
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ reset_count: 2, state: "started" });
        expect(await outcomes([reset(), kit.write(workspace_id, "g", "new")])).toEqual(["done", "done"]);
        expect([[], ["g"]]).toContainEqual(await kit.paths(workspace_id));
      });
    });

    it("that start what is stopped all find it started", async () => {
      await kit.within(async (workspace_id) => {
        await kit.write(workspace_id, "f", "kept");
        await kit.pyro.stopWorkspace({ workspace_id });
        const starts = [1, 2, 3].map(() => kit.pyro.startWorkspace({ workspace_id }));
        for (const status of await Promise.all(starts)) expect(status.state).toBe("started");
        expect(await kit.read(workspace_id, "f")).toBe("kept");
      });
    });

    it("that stop and start leave it stopped or started, never in between", async () => {
      await kit.within(async (workspace_id) => {
        const stop = kit.pyro.stopWorkspace({ workspace_id });
        expect(await outcomes([stop, kit.pyro.startWorkspace({ workspace_id })])).toEqual(["done", "done"]);
        expect(["stopped", "started"]).toContain(await state(workspace_id));
        await kit.pyro.startWorkspace({ workspace_id });
        await kit.write(workspace_id, "f", "usable");
        await kit.pyro.stopWorkspace({ workspace_id });
        const updates = ["a", "b", "c"].map((key) => kit.pyro.updateWorkspace({ workspace_id, label: { [key]: "1" } }));
        expect(await outcomes(updates)).toEqual(["done", "done", "done"]);
        expect((await kit.pyro.statusWorkspace({ workspace_id })).labels).toEqual({ a: "1", b: "1", c: "1" });
      });
    });

    it("that delete end whatever else goes on", async () => {
      const source = kit.files("shared", Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}`, "x"])));
      const others: readonly ((workspace_id: string) => Promise<unknown>)[] = [
        (workspace_id) => kit.pyro.pushWorkspaceSync({ workspace_id, source }),
        (workspace_id) => kit.pyro.resetWorkspace({ workspace_id }),
        (workspace_id) => kit.pyro.createSnapshot({ workspace_id, snapshot_name: "s" }),
        (workspace_id) => kit.pyro.stopWorkspace({ workspace_id }),
        (workspace_id) => kit.pyro.deleteWorkspace({ workspace_id }),
      ];
      for (const other of others) {
        const { workspace_id } = await kit.create();
        const running = other(workspace_id);
        const deleted = kit.pyro.deleteWorkspace({ workspace_id });
        for (const outcome of await outcomes([running])) expect(["done", "workspace_not_found"]).toContain(outcome);
        expect(["done", "workspace_not_found"]).toContain((await outcomes([deleted]))[0]);
        expect(kit.directories()).not.toContain(workspace_id);
      }
    });

    it("that delete what is being created find it, and its creator is told unless it was faster", async () => {
      const creation = kit.create({ name: "early" });
      const early = () =>
        kit.pyro.deleteWorkspace({ workspace_id: "early" }).catch(({ code }: { code: string }) => code);
      await expect.poll(early, { interval: 5, timeout: 20_000 }).toMatchObject({ workspace_id: expect.any(String) });
      await kit.refused(creation, "workspace_not_found", "keeper_lost", "no error");
      await kit.within(async () => {}, { name: "early" });
    });
  });
}
