/** Changes of workspaces that tests cut short, and how a workspace is found to be whole afterwards. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { FakeProcesses } from "./fake-processes.ts";

export interface Change {
  readonly run: (workspace_id: string) => Promise<unknown>;
  /** What the workspace may hold after a kill, beside what it held before */
  readonly after: Record<string, string>;
}

/** What every workspace holds before its change. */
export const before = { kept: "kept" };

/** Every place on the host at which a change can be cut short. */
export const cuts = [
  ["push", "pushing.half"],
  ["push", "pushing.staged"],
  ["push", "sync.swapped"],
  ["push", "sync.reply"],
  ["snapshot", "snapshot.quiesce"],
  ["snapshot", "snapshot.copied"],
  ["snapshot", "snapshot.recorded"],
  ["snapshot", "snapshot.resumed"],
  ["reset", "reset.intent"],
  ["reset", "reset.disk_swapped"],
  ["reset", "reset.booted"],
  ["stop", "stop.intent"],
] as const;

/** The changes, on workspaces of one home. */
export class CutChanges {
  readonly seed: string;
  readonly #fake: FakeProcesses;

  constructor(fake: FakeProcesses) {
    this.#fake = fake;
    this.seed = join(fake.room, "seed");
    mkdirSync(this.seed);
    for (const name of ["a", "b", "c"]) writeFileSync(join(this.seed, name), name);
  }

  named(name: string): Change {
    const { pyro } = this.#fake;
    const changes: Readonly<Record<string, Change>> = {
      push: {
        run: (workspace_id) => pyro.pushWorkspaceSync({ workspace_id, source: this.seed }),
        after: { ...before, a: "a", b: "b", c: "c" },
      },
      snapshot: { run: (workspace_id) => pyro.createSnapshot({ workspace_id, snapshot_name: "one" }), after: before },
      reset: { run: (workspace_id) => pyro.resetWorkspace({ workspace_id }), after: {} },
      stop: { run: (workspace_id) => pyro.stopWorkspace({ workspace_id }), after: before },
      exec: {
        run: (workspace_id) => pyro.execWorkspace({ workspace_id, command: ["sh", "-c", "echo x"] }),
        after: before,
      },
    };
    return changes[name] ?? expect.fail(`no change is named ${name}`);
  }

  /** A workspace that holds a file and is to be cut short at `point`. */
  async workspace(point: string, action: string): Promise<string> {
    const { pyro, fail } = this.#fake;
    fail(`${point}:1:${action}`);
    const { workspace_id } = await pyro.createWorkspace({ environment: "debian:12" });
    fail(undefined);
    await pyro.writeWorkspaceFile({ workspace_id, path: "kept", text: "kept" });
    return workspace_id;
  }

  /** Everything in a workspace's tree, as path and content. */
  async content(workspace_id: string): Promise<Record<string, string>> {
    const { entries } = await this.#fake.pyro.listWorkspaceFiles({ workspace_id, recursive: true });
    const files = entries.filter(({ artifact_type }) => artifact_type === "file");
    const pairs = files.map(async ({ path }) => {
      const read = await this.#fake.pyro.readWorkspaceFile({ workspace_id, path });
      return [path.replace("/workspace/", ""), read.content] as const;
    });
    return Object.fromEntries(await Promise.all(pairs));
  }

  /** It takes changes, snapshots and resets as any other, and leaves nothing. */
  async usableAndGone(workspace_id: string): Promise<void> {
    await this.#fake.pyro.writeWorkspaceFile({ workspace_id, path: "later", text: "later" });
    await this.#fake.pyro.createSnapshot({ workspace_id, snapshot_name: "later" });
    await this.#fake.pyro.resetWorkspace({ workspace_id });
    expect(await this.content(workspace_id)).toEqual({});
    await this.#fake.pyro.resetWorkspace({ workspace_id, snapshot: "later" });
    expect(await this.content(workspace_id)).toMatchObject({ later: "later" });
    const paths = this.#fake.host.store.paths.partsOf(workspace_id);
    expect(readdirSync(paths.directory).filter((name) => name.startsWith("history"))).toHaveLength(1);
    await this.#fake.pyro.deleteWorkspace({ workspace_id });
    expect(await this.#fake.leftovers()).toEqual([]);
  }
}
