/** One agent on a fake machine for all tests of a file. */
import { afterAll, beforeAll } from "vitest";
import type { Machine } from "../../src/vmm/machine.ts";
import { AgentClient } from "../../src/wire/client.ts";
import { startFakeMachine } from "./fake-machine.ts";

/** Starts it before the tests, tells it to `ready`, and ends it after them. */
export function withFakeAgent(ready: (agent: AgentClient) => void): void {
  let machine: Machine | undefined;
  let agent: AgentClient | undefined;
  beforeAll(async () => {
    machine = await startFakeMachine();
    agent = new AgentClient(machine.channel);
    ready(agent);
  });
  afterAll(async () => {
    agent?.close();
    await machine?.kill();
  });
}
