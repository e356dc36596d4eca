/** The scenarios of workspaces on fake machines. */

import { readdirSync } from "node:fs";
import { afterAll } from "vitest";
import { openFakeWorkspaces } from "../support/workspaces.ts";
import { workspaceScenarios } from "./workspace-scenarios.ts";

const fake = openFakeWorkspaces();
afterAll(() => fake.close());

workspaceScenarios("a workspace on a fake machine", () => ({
  pyro: fake.pyro,
  environment: "debian:12",
  room: fake.room,
  directories: () => readdirSync(fake.host.store.paths.workspaces),
}));
