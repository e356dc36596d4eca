/** Workspaces that begin with a project, on real virtual machines, kept within this process so that their clones come from a server of the test's own. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import { createEngine, type Engine } from "../../src/engine.ts";
import { hostOf } from "../../src/keeper/host.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { Workspaces } from "../../src/keeper/workspaces.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { projectScenarios } from "../scenarios/project-scenarios.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { type GitServer, serveGit } from "../support/git-server.ts";

let scratch = "";
let paths: StatePaths;
let engine: Engine;
let server: GitServer;
const keepers: Keeper[] = [];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-vm-projects-"));
  paths = await copiedHome(scratch);
  process.env["PYRO_HOME"] = paths.data;
  mkdirSync(join(scratch, "room"));
  server = await serveGit(join(scratch, "served"));
  const host = { ...hostOf(process.env), cloning: server.surroundings() };
  const workspaces = new Workspaces(host, async (workspace_id) => {
    keepers.push(await Keeper.begin(host, workspace_id));
  });
  engine = createEngine({ workspaces });
  host.store.paths.prepareData();
});

afterAll(async () => {
  await Promise.all(keepers.map((keeper) => keeper.end(new PyroError("keeper_lost", "the test is over"))));
  await server.close();
  rmSync(scratch, { recursive: true, force: true });
});

projectScenarios("a project in a workspace on a virtual machine", () => ({
  engine,
  environment: ENVIRONMENT,
  room: join(scratch, "room"),
  server,
  workspaces: paths.workspaces,
}));
