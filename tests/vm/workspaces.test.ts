/** The scenarios of workspaces on real virtual machines, each with a keeper's process of its own, in a home of their own. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { workspaceScenarios } from "../scenarios/workspace-scenarios.ts";
import { ENVIRONMENT } from "../support/copied-home.ts";
import { openVmHome, type VmHome } from "../support/vm-home.ts";

let home: VmHome;

beforeAll(async () => {
  home = await openVmHome("workspaces");
});
afterAll(() => home?.close());

workspaceScenarios("a workspace on a virtual machine", () => ({
  pyro: home.pyro,
  environment: ENVIRONMENT,
  room: home.room,
  directories: () => readdirSync(home.paths.workspaces),
}));
