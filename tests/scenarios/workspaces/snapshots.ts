/** Snapshots of a workspace and the way back to each. */
import { describe, expect, it } from "vitest";
import type { Kit } from "./kit.ts";

export function snapshotScenarios(kit: Kit): void {
  describe("snapshots", () => {
    it("lie on one another, each is reached again, and one in the middle can go", async () => {
      const seed_path = kit.files("snapshots-seed", { f: "seed" });
      await kit.within(
        async (workspace_id) => {
          const reset = (snapshot: string) => kit.pyro.resetWorkspace({ workspace_id, snapshot });
          for (const snapshot_name of ["one", "two", "three"]) {
            await kit.write(workspace_id, "f", snapshot_name);
            await kit.pyro.createSnapshot({ workspace_id, snapshot_name });
          }
          for (const name of ["one", "three", "two"]) {
            await reset(name);
            expect(await kit.read(workspace_id, "f")).toBe(name);
            await kit.write(workspace_id, "f", "scribble");
          }
          await kit.pyro.createSnapshot({ workspace_id, snapshot_name: "branch" });
          await kit.pyro.deleteSnapshot({ workspace_id, snapshot_name: "two" });
          await kit.refused(reset("two"), "snapshot_not_found");
          for (const name of ["three", "one"]) {
            await reset(name);
            expect(await kit.read(workspace_id, "f")).toBe(name);
          }
          await reset("branch");
          expect(await kit.read(workspace_id, "f")).toBe("scribble");
          await kit.pyro.stopWorkspace({ workspace_id });
          await kit.pyro.startWorkspace({ workspace_id });
          const { snapshots } = await kit.pyro.listSnapshots({ workspace_id });
          expect(snapshots.map(({ name }) => name)).toEqual(["baseline", "one", "three", "branch"]);
          await reset("baseline");
          expect(await kit.read(workspace_id, "f")).toBe("seed");
        },
        { seed_path },
      );
    });

    it("have names of their own, and the baseline is nobody's to take or delete", async () => {
      await kit.within(async (workspace_id) => {
        const make = (snapshot_name: string) => kit.pyro.createSnapshot({ workspace_id, snapshot_name });
        const remove = (snapshot_name: string) => kit.pyro.deleteSnapshot({ workspace_id, snapshot_name });
        await make("a");
        await kit.refused(make("a"), "snapshot_name_taken");
        await kit.refused(make("baseline"), "snapshot_name_taken");
        await kit.refused(remove("baseline"), "snapshot_protected");
        for (const missing of ["b", "__proto__x"])
          await kit.refused(remove(missing), "snapshot_not_found", "invalid_input");
        for (const odd of ["", "a b", "../a", "x".repeat(64)]) await kit.refused(make(odd), "invalid_input");
        await remove("a");
        await kit.refused(remove("a"), "snapshot_not_found");
        expect(await kit.pyro.statusWorkspace({ workspace_id })).toMatchObject({ snapshot_count: 0 });
      });
    });
  });
}
