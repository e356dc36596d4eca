/** Workspaces that begin with a project, on fake machines. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type GitServer, serveGit } from "../support/git-server.ts";
import { type FakeWorkspaces, openFakeWorkspaces } from "../support/workspaces.ts";
import { projectScenarios } from "./project-scenarios.ts";

let fake: FakeWorkspaces;
let server: GitServer;
let root = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "pyro-projects-"));
  server = await serveGit(join(root, "served"));
  fake = openFakeWorkspaces({ cloning: server.surroundings() });
  fake.host.store.paths.prepareData();
});

afterAll(async () => {
  await fake.close();
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

projectScenarios("a project in a workspace on a fake machine", () => ({
  engine: fake.engine,
  environment: "debian:12",
  room: fake.room,
  server,
  workspaces: fake.host.store.paths.workspaces,
}));
