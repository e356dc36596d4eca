/** The scenarios of services and published ports on real virtual machines. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import { Pyro } from "../../src/sdk/pyro.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { Kit } from "../scenarios/workspaces/kit.ts";
import { portScenarios } from "../scenarios/workspaces/ports.ts";
import { serviceScenarios } from "../scenarios/workspaces/services.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";

let scratch = "";
let paths: StatePaths;
let pyro: Pyro;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-vm-services-"));
  paths = await copiedHome(scratch);
  process.env["PYRO_HOME"] = paths.data;
  mkdirSync(join(scratch, "room"));
  pyro = new Pyro();
  await pyro.runInVm({ environment: ENVIRONMENT, command: ["true"], timeout_seconds: 120 });
});

afterAll(async () => {
  const { workspaces } = await pyro.listWorkspaces();
  for (const { workspace_id } of workspaces) await pyro.deleteWorkspace({ workspace_id });
  rmSync(scratch, { recursive: true, force: true });
});

const kit = new Kit(() => ({
  pyro,
  environment: ENVIRONMENT,
  room: join(scratch, "room"),
  directories: () => readdirSync(paths.workspaces),
}));
serviceScenarios(kit);
portScenarios(kit, (workspace_id) => new KeeperRecord(paths.partsOf(workspace_id).keeperRecord).pid());
