/** The scenarios of published ports on fake machines whose keepers are processes. */
import { mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import { type FakeProcesses, openFakeProcesses } from "../support/fake-processes.ts";
import { Kit } from "./workspaces/kit.ts";
import { portScenarios } from "./workspaces/ports.ts";

let fake: FakeProcesses;
beforeAll(async () => {
  fake = await openFakeProcesses();
  mkdirSync(fake.room, { recursive: true });
});
afterAll(() => fake.close());

portScenarios(
  new Kit(() => ({
    pyro: fake.pyro,
    environment: "debian:12",
    room: fake.room,
    directories: () => readdirSync(fake.host.store.paths.workspaces),
  })),
  (workspace_id) => new KeeperRecord(fake.host.store.paths.partsOf(workspace_id).keeperRecord).pid(),
);
