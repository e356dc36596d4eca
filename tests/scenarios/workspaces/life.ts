/** The life of a workspace: named, labelled, listed, stopped, started, expired. */
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Kit } from "./kit.ts";

type Call = (workspace_id: string) => Promise<unknown>;

/** Every operation on one workspace, in an order in which all succeed. */
const operations = ({ pyro, room }: Kit, source: string): readonly (readonly [string, Call])[] => [
  ["status", (workspace_id) => pyro.statusWorkspace({ workspace_id })],
  ["update", (workspace_id) => pyro.updateWorkspace({ workspace_id, label: { a: "b" } })],
  ["write", (workspace_id) => pyro.writeWorkspaceFile({ workspace_id, path: "f", text: "f" })],
  ["read", (workspace_id) => pyro.readWorkspaceFile({ workspace_id, path: "f" })],
  ["file list", (workspace_id) => pyro.listWorkspaceFiles({ workspace_id })],
  ["push", (workspace_id) => pyro.pushWorkspaceSync({ workspace_id, source })],
  [
    "export",
    (workspace_id) => pyro.exportWorkspace({ workspace_id, path: "f", output: `${room}/by-name`, force: true }),
  ],
  ["snapshot create", (workspace_id) => pyro.createSnapshot({ workspace_id, snapshot_name: "s" })],
  ["snapshot list", (workspace_id) => pyro.listSnapshots({ workspace_id })],
  ["snapshot delete", (workspace_id) => pyro.deleteSnapshot({ workspace_id, snapshot_name: "s" })],
  ["reset", (workspace_id) => pyro.resetWorkspace({ workspace_id })],
  ["stop", (workspace_id) => pyro.stopWorkspace({ workspace_id })],
  ["start", (workspace_id) => pyro.startWorkspace({ workspace_id })],
  ["delete", (workspace_id) => pyro.deleteWorkspace({ workspace_id })],
];

export function lifeScenarios(kit: Kit): void {
  describe("a workspace", () => {
    it("is meant by its name in every operation, and by nothing once it is deleted", async () => {
      const source = kit.files("by-name-source", { g: "g" });
      await kit.create({ name: "by-name" });
      for (const [name, call] of operations(kit, source))
        await expect(call("by-name"), name).resolves.toBeInstanceOf(Object);
      for (const [name, call] of operations(kit, source))
        await expect(call("by-name"), name).rejects.toMatchObject({ code: "workspace_not_found" });
    });

    it("is named by its grammar alone, and so is what it is asked by", async () => {
      for (const name of ["", "-a", "a b", "a/b", "../a", "ä", "a\nb", "x".repeat(64), "ws-0123456789ab"])
        await kit.refused(kit.create({ name }), "invalid_input");
      for (const label of [{ "a b": "" }, { "": "" }, { a: "x".repeat(257) }])
        await kit.refused(kit.create({ label }), "invalid_input");
      for (const ttl_seconds of [0, -1, 1.5, 1e12]) await kit.refused(kit.create({ ttl_seconds }), "invalid_input");
      await kit.refused(kit.create({ network_policy: "egress", allow_egress: ["*"] }), "invalid_input");
      for (const workspace_id of ["", "x".repeat(300)])
        await kit.refused(kit.pyro.statusWorkspace({ workspace_id }), "invalid_input");
      for (const workspace_id of ["../x", "__proto__", "constructor", "WS-0123456789AB", "ws-0123456789ab", "."])
        await kit.refused(kit.pyro.deleteWorkspace({ workspace_id }), "workspace_not_found");
    });

    it("takes names, labels and time to live, running or not", async () => {
      await kit.within(async (workspace_id) => {
        await kit.within(
          async () => {
            const taken = kit.pyro.updateWorkspace({ workspace_id, name: "taken" });
            await expect(taken).rejects.toMatchObject({ code: "workspace_name_taken" });
            for (const isStopped of [false, true]) {
              if (isStopped) await kit.pyro.stopWorkspace({ workspace_id });
              const named = { workspace_id, name: "new", label: { a: "1", b: "2" }, ttl_seconds: 1000 };
              const updated = await kit.pyro.updateWorkspace(named);
              expect(updated).toMatchObject({ name: "new", labels: { a: "1", b: "2" } });
              expect(Date.parse(updated.expires_at) - Date.now()).toBeLessThan(1_000_001);
              expect(await kit.pyro.statusWorkspace({ workspace_id: "new" })).toEqual(updated);
              const bare = await kit.pyro.updateWorkspace({ workspace_id, clear_name: true, remove_label: ["a", "z"] });
              expect(bare).toMatchObject({ name: null, labels: { b: "2" }, expires_at: updated.expires_at });
              await kit.refused(kit.pyro.statusWorkspace({ workspace_id: "new" }), "workspace_not_found");
              const both = kit.pyro.updateWorkspace({ workspace_id, name: "both", clear_name: true });
              await kit.refused(both, "invalid_input");
            }
            const started = await kit.pyro.startWorkspace({ workspace_id });
            expect(started).toMatchObject({ name: null, labels: { b: "2" }, state: "started" });
          },
          { name: "taken" },
        );
      });
    });

    it("is listed by when it was changed, and looking changes nothing", async () => {
      await kit.within((older) =>
        kit.within(async (newer) => {
          const order = async () => (await kit.ids()).filter((id) => [older, newer].includes(id));
          expect(await order()).toEqual([newer, older]);
          await kit.pyro.statusWorkspace({ workspace_id: older });
          await kit.pyro.listWorkspaceFiles({ workspace_id: older });
          await kit.pyro.listSnapshots({ workspace_id: older });
          const output = `${kit.room}/looked`;
          await kit.pyro.exportWorkspace({ workspace_id: older, path: "/workspace", output, force: true });
          await kit.refused(kit.read(older, "missing"), "path_not_found");
          expect(await order()).toEqual([newer, older]);
          await kit.write(older, "f", "f");
          expect(await order()).toEqual([older, newer]);
          await kit.pyro.updateWorkspace({ workspace_id: newer, label: { a: "b" } });
          expect(await order()).toEqual([newer, older]);
          await kit.pyro.stopWorkspace({ workspace_id: older });
          expect(await order()).toEqual([older, newer]);
          await kit.pyro.createSnapshot({ workspace_id: newer, snapshot_name: "s" });
          expect(await order()).toEqual([newer, older]);
          await kit.pyro.updateWorkspace({ workspace_id: older, label: { a: "b" } });
          expect(await order()).toEqual([older, newer]);
        }),
      );
    });

    it("that is stopped says so, and can be stopped, started and started again", async () => {
      await kit.within(async (workspace_id) => {
        const source = kit.files("stopped-source", { g: "g" });
        for (let time = 0; time < 2; time += 1)
          expect(await kit.pyro.stopWorkspace({ workspace_id })).toMatchObject({ state: "stopped", failure: null });
        const usual = new Set(["write", "read", "file list", "push", "export", "snapshot create", "reset"]);
        for (const [name, call] of operations(kit, source))
          if (usual.has(name)) await kit.refused(call(workspace_id), "workspace_stopped");
        expect((await kit.pyro.listSnapshots({ workspace_id })).snapshots).toHaveLength(1);
        for (let time = 0; time < 2; time += 1)
          expect(await kit.pyro.startWorkspace({ workspace_id })).toMatchObject({ state: "started" });
      });
    });
  });

  describe("a workspace whose time is over", () => {
    const over = async (workspace_id: string) => {
      const look = () => kit.pyro.statusWorkspace({ workspace_id }).catch(({ code }: { code: string }) => code);
      await expect.poll(look, { timeout: 20_000 }).toMatch(/^workspace_(expired|not_found)$/);
      expect(await kit.ids()).not.toContain(workspace_id);
      await expect.poll(() => kit.directories(), { timeout: 20_000 }).not.toContain(workspace_id);
    };

    it("is gone while nobody uses it, and its name free", async () => {
      const { workspace_id } = await kit.create({ name: "brief" });
      await kit.pyro.updateWorkspace({ workspace_id, ttl_seconds: 1 });
      await over(workspace_id);
      await kit.within(async () => {}, { name: "brief" });
    });

    it("is gone in the middle of a push, which says why", async () => {
      const source = kit.files("long", Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`f${at}`, "x"])));
      const { workspace_id } = await kit.create();
      await kit.pyro.updateWorkspace({ workspace_id, ttl_seconds: 1 });
      const push = async () => {
        for (;;) await kit.pyro.pushWorkspaceSync({ workspace_id, source });
      };
      await kit.refused(push(), "workspace_expired", "workspace_not_found");
      await over(workspace_id);
    });

    it("is gone where no keeper ran, told once, its name free", async () => {
      const { workspace_id } = await kit.create({ name: "rested" });
      await kit.pyro.stopWorkspace({ workspace_id });
      await kit.pyro.updateWorkspace({ workspace_id, ttl_seconds: 1 });
      await delay(1_100);
      expect(await kit.ids()).not.toContain(workspace_id);
      await kit.refused(kit.pyro.startWorkspace({ workspace_id: "rested" }), "workspace_expired");
      await kit.refused(kit.pyro.startWorkspace({ workspace_id: "rested" }), "workspace_not_found");
      await over(workspace_id);
      await kit.within(async () => {}, { name: "rested" });
    });
  });
}
