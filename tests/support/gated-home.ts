/** A home whose workspaces on real machines are kept by this process, so that their gates can have a network of the test's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PyroError } from "../../src/contract/errors.ts";
import { createEngine } from "../../src/engine.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { Workspaces } from "../../src/keeper/workspaces.ts";
import type { GateSurroundings } from "../../src/network/egress-gate.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import { WorkspaceStore } from "../../src/store/workspace-store.ts";
import { copiedHome } from "./copied-home.ts";
import { guestsOf } from "./guests.ts";

export interface GatedHome {
  readonly pyro: PyroMethods;
  /** Ends every keeper, and removes all of it */
  close(): Promise<void>;
}

/** Opens a home whose gates use these surroundings. */
export async function openGatedHome(name: string, surroundings: GateSurroundings): Promise<GatedHome> {
  const scratch = mkdtempSync(join(tmpdir(), `pyro-vm-${name}-`));
  const keepers: Keeper[] = [];
  const paths = await copiedHome(scratch);
  const { source } = guestsOf(paths);
  const host = {
    store: new WorkspaceStore(paths),
    guests: source,
    hostCages: source,
    env: process.env,
    availableMemory: () => undefined,
    surroundings,
  };
  const workspaces = new Workspaces(host, async (workspace_id) => {
    keepers.push(await Keeper.begin(host, workspace_id));
  });
  const close = async () => {
    await Promise.all(keepers.map((keeper) => keeper.end(new PyroError("keeper_lost", "the test is over"))));
    rmSync(scratch, { recursive: true, force: true });
  };
  return { pyro: methodsOver(createEngine({ guests: source, workspaces, surroundings })), close };
}
