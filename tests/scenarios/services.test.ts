/** The scenarios of services on fake machines. */
import { readdirSync } from "node:fs";
import { afterAll } from "vitest";
import { openFakeWorkspaces } from "../support/workspaces.ts";
import { Kit } from "./workspaces/kit.ts";
import { serviceScenarios } from "./workspaces/services.ts";

const fake = openFakeWorkspaces();
afterAll(() => fake.close());

serviceScenarios(
  new Kit(() => ({
    pyro: fake.pyro,
    environment: "debian:12",
    room: fake.room,
    directories: () => readdirSync(fake.host.store.paths.workspaces),
  })),
);
