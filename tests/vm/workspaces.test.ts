/** The scenarios of workspaces on real virtual machines, each with a keeper's process of its own, in a home of their own. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { Pyro } from "../../src/sdk/pyro.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { workspaceScenarios } from "../scenarios/workspace-scenarios.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";

let scratch = "";
let paths: StatePaths;
let pyro: Pyro;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-vm-workspaces-"));
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

workspaceScenarios("a workspace on a virtual machine", () => ({
  pyro,
  environment: ENVIRONMENT,
  room: join(scratch, "room"),
  directories: () => readdirSync(paths.workspaces),
}));
