/** The scenarios of services and published ports on real virtual machines. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import { Kit } from "../scenarios/workspaces/kit.ts";
import { portScenarios } from "../scenarios/workspaces/ports.ts";
import { serviceScenarios } from "../scenarios/workspaces/services.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { openVmHome, type VmHome } from "../support/vm-home.ts";

let home: VmHome;

beforeAll(async () => {
  home = await openVmHome("services");
});
afterAll(() => home?.close());

const kit = new Kit(() => ({
  pyro: home.pyro,
  environment: ENVIRONMENT,
  room: home.room,
  directories: () => readdirSync(home.paths.workspaces),
}));
serviceScenarios(kit);
portScenarios(kit, (workspace_id) => new KeeperRecord(home.paths.partsOf(workspace_id).keeperRecord).pid());
