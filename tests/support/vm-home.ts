/** A home for one file of tests on real machines: the user's environment, a template made in it, and nothing left at its end. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pyro } from "../../src/sdk/pyro.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { copiedHome, ENVIRONMENT } from "./copied-home.ts";

export interface VmHome {
  readonly pyro: Pyro;
  readonly paths: StatePaths;
  /** Directory of the test's own, which the home lies in */
  readonly scratch: string;
  /** Another one, beside the home */
  readonly room: string;
  /** Deletes every workspace, and all of it */
  close(): Promise<void>;
}

/** Opens a home; `PYRO_HOME` names it from then on. */
export async function openVmHome(name: string): Promise<VmHome> {
  const scratch = mkdtempSync(join(tmpdir(), `pyro-vm-${name}-`));
  const room = join(scratch, "room");
  mkdirSync(room);
  const paths = await copiedHome(scratch);
  process.env["PYRO_HOME"] = paths.data;
  const pyro = new Pyro();
  await pyro.runInVm({ environment: ENVIRONMENT, command: ["true"], timeout_seconds: 120 });
  const close = async () => {
    const { workspaces } = await pyro.listWorkspaces();
    for (const { workspace_id } of workspaces) await pyro.deleteWorkspace({ workspace_id });
    rmSync(scratch, { recursive: true, force: true });
  };
  return { pyro, paths, scratch, room, close };
}
