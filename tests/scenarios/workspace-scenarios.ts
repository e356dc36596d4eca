/** What workspaces promise, written once: fake machines and real ones must keep all of it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { PyroMethods } from "../../src/sdk/pyro.ts";
import { crossingScenarios } from "./workspaces/crossing.ts";
import { fileScenarios } from "./workspaces/files.ts";
import { Kit, type WorkspaceMachine } from "./workspaces/kit.ts";
import { largeScenarios } from "./workspaces/large.ts";
import { lifeScenarios } from "./workspaces/life.ts";
import { racingScenarios } from "./workspaces/racing.ts";
import { secretScenarios } from "./workspaces/secrets.ts";
import { sharingScenarios } from "./workspaces/sharing.ts";
import { shellScenarios } from "./workspaces/shells.ts";
import { snapshotScenarios } from "./workspaces/snapshots.ts";
import { workScenarios } from "./workspaces/work.ts";

/** Registers the scenarios for one kind of machine. */
export function workspaceScenarios(title: string, machine: () => WorkspaceMachine): void {
  let pyro: PyroMethods;
  let seed: string;
  beforeAll(() => {
    pyro = machine().pyro;
    seed = join(machine().room, "seed");
    mkdirSync(join(seed, "src"), { recursive: true });
    writeFileSync(join(seed, "README"), "read me\n");
    writeFileSync(join(seed, "src", "run.sh"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  });
  const create = (more: object = {}) => pyro.createWorkspace({ environment: machine().environment, ...more });
  const read = async (workspace_id: string, path: string) =>
    (await pyro.readWorkspaceFile({ workspace_id, path })).content;

  const kit = new Kit(machine);
  describe(title, () => {
    for (const scenarios of [
      lifeScenarios,
      sharingScenarios,
      snapshotScenarios,
      fileScenarios,
      crossingScenarios,
      shellScenarios,
    ])
      scenarios(kit);
    workScenarios(kit);
    racingScenarios(kit);
    largeScenarios(kit);
    secretScenarios(kit);

    it("is created, found by id and name, and deleted", async () => {
      const made = await create({ name: "one", label: { repo: "a" } });
      expect(made).toMatchObject({ name: "one", labels: { repo: "a" }, state: "started", snapshot_count: 0 });
      expect(made.workspace_seed).toMatchObject({ origin_kind: "empty", entry_count: 0 });
      expect(await pyro.statusWorkspace({ workspace_id: "one" })).toEqual(made);
      expect((await pyro.listWorkspaces()).workspaces.map(({ workspace_id }) => workspace_id)).toContain(
        made.workspace_id,
      );
      await expect(create({ name: "one" })).rejects.toMatchObject({ code: "workspace_name_taken" });
      await pyro.deleteWorkspace({ workspace_id: "one" });
      const gone = pyro.statusWorkspace({ workspace_id: made.workspace_id });
      await expect(gone).rejects.toMatchObject({ code: "workspace_not_found" });
      const { workspace_id } = await create({ name: "one" });
      await pyro.deleteWorkspace({ workspace_id });
    });

    it("is seeded, edited, reset, snapshotted and reset again", async () => {
      const { workspace_id, workspace_seed } = await create({ seed_path: seed });
      expect(workspace_seed).toMatchObject({ origin_kind: "directory", origin_ref: seed, entry_count: 3 });
      expect(await read(workspace_id, "README")).toBe("read me\n");
      await pyro.writeWorkspaceFile({ workspace_id, path: "README", text: "edited" });
      await pyro.createSnapshot({ workspace_id, snapshot_name: "edited" });
      await pyro.writeWorkspaceFile({ workspace_id, path: "deep/er/new", text: "new" });
      const reset = await pyro.resetWorkspace({ workspace_id });
      expect(reset).toMatchObject({ workspace_id, reset_count: 1, snapshot_count: 1, state: "started" });
      expect(await read(workspace_id, "README")).toBe("read me\n");
      await pyro.resetWorkspace({ workspace_id, snapshot: "edited" });
      expect(await read(workspace_id, "README")).toBe("edited");
      await expect(read(workspace_id, "deep/er/new")).rejects.toMatchObject({ code: "path_not_found" });
      await pyro.deleteSnapshot({ workspace_id, snapshot_name: "edited" });
      const { snapshots } = await pyro.listSnapshots({ workspace_id });
      expect(snapshots.map(({ name }) => name)).toEqual(["baseline"]);
      expect(await read(workspace_id, "README")).toBe("edited");
      await pyro.deleteWorkspace({ workspace_id });
    });

    it("keeps its files over a stop", async () => {
      const { workspace_id } = await create();
      await pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
      expect(await pyro.stopWorkspace({ workspace_id })).toMatchObject({ state: "stopped", execution_mode: null });
      await expect(read(workspace_id, "kept")).rejects.toMatchObject({ code: "workspace_stopped" });
      expect(await pyro.startWorkspace({ workspace_id })).toMatchObject({ state: "started" });
      expect(await read(workspace_id, "kept")).toBe("kept");
      await pyro.deleteWorkspace({ workspace_id });
    });

    it("takes files and gives them back", async () => {
      const { workspace_id } = await create({ seed_path: seed });
      const pushed = await pyro.pushWorkspaceSync({ workspace_id, source: seed, dest: "copy" });
      expect(pushed).toMatchObject({ dest: "/workspace/copy", entry_count: 3 });
      const output = join(machine().room, "exported");
      const exported = await pyro.exportWorkspace({ workspace_id, path: "copy", output });
      expect(exported).toMatchObject({ artifact_type: "directory", entry_count: 3, skipped: [] });
      expect(readFileSync(join(output, "src", "run.sh"), "utf8")).toBe("#!/bin/sh\necho ran\n");
      await expect(pyro.exportWorkspace({ workspace_id, path: "copy", output })).rejects.toMatchObject({
        code: "output_exists",
      });
      await pyro.deleteWorkspace({ workspace_id });
    });
  });
}
