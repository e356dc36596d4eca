/** Workspaces on fake machines, kept within this process, in a home of the test's own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PyroError } from "../../src/contract/errors.ts";
import { createEngine, type Engine } from "../../src/engine.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { Workspaces } from "../../src/keeper/workspaces.ts";
import type { GateSurroundings } from "../../src/network/egress-gate.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import { statePaths } from "../../src/store/paths.ts";
import { WorkspaceStore } from "../../src/store/workspace-store.ts";
import type { WorkspaceHost } from "../../src/workspaces/live/live-workspace.ts";
import type { CloneSurroundings } from "../../src/workspaces/repository/repo-host.ts";
import { FakeEgress } from "./fake-egress.ts";
import { fakeSource, fakeSourceWithDisks } from "./fake-machine.ts";
import { type Lies, lyingSource } from "./lying-machine.ts";

export interface FakeWorkspaces {
  readonly engine: Engine;
  readonly pyro: PyroMethods;
  readonly host: WorkspaceHost;
  /** Directory of the test's own, beside the home */
  readonly room: string;
  /** The keepers that this process has had, by workspace */
  readonly keepers: ReadonlyMap<string, Keeper>;
  /** Ends every keeper and removes the home */
  close(): Promise<void>;
}

export interface FakeOptions {
  /** What its guests lie about */
  readonly lies?: Lies;
  /** Memory of the host that is left; not known where it is absent */
  readonly availableMemory?: (store: WorkspaceStore) => number | undefined;
  /** The network of its guests, where they have one */
  readonly egress?: FakeEgress;
  readonly surroundings?: GateSurroundings;
  /** What its clones use in place of this machine's network */
  readonly cloning?: CloneSurroundings;
}

/** Opens a home for workspaces. */
export function openFakeWorkspaces(more: FakeOptions = {}): FakeWorkspaces {
  const home = mkdtempSync(join(tmpdir(), "pyro-workspaces-"));
  for (const name of ["state", "machines", "room"]) mkdirSync(join(home, name), { mode: 0o700 });
  const store = new WorkspaceStore(statePaths({ PYRO_HOME: join(home, "state") }));
  const honest = fakeSourceWithDisks(join(home, "machines"));
  const networked = (more.egress ?? new FakeEgress()).over(honest);
  const guests = more.lies === undefined ? networked : lyingSource(networked, more.lies);
  const { availableMemory: look, surroundings, cloning } = more;
  const own = { ...(surroundings && { surroundings }), ...(cloning && { cloning }) };
  const around = { availableMemory: () => look?.(store), ...own };
  const host = { store, guests, hostCages: fakeSource, env: process.env, ...around };
  const keepers = new Map<string, Keeper>();
  const workspaces = new Workspaces(host, async (workspace_id) => {
    keepers.set(workspace_id, await Keeper.begin(host, workspace_id));
  });
  const engine = createEngine({ guests: host.guests, hostCages: fakeSource, workspaces });
  return {
    engine,
    pyro: methodsOver(engine),
    host,
    room: join(home, "room"),
    keepers,
    close: async () => {
      await Promise.all(
        [...keepers.values()].map((keeper) => keeper.end(new PyroError("keeper_lost", "the test is over"))),
      );
      rmSync(home, { recursive: true, force: true });
    },
  };
}
