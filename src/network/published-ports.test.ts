/** Published ports over connections of this machine, with a guest that this process plays. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { connected, firstBytes, listenersAt, over } from "../../tests/support/ports.ts";
import { portRequests } from "./port-request.ts";
import {
  CONNECTIONS_PER_PORT,
  CONNECTIONS_PER_WORKSPACE,
  type Forward,
  PORTS_PER_WORKSPACE,
  PortBudget,
  PublishedPorts,
} from "./published-ports.ts";

const opened: PublishedPorts[] = [];
afterEach(() => {
  for (const ports of opened.splice(0)) ports.close();
});

async function publish(texts: readonly string[], forward: Forward, budget = new PortBudget(), idle_ms?: number) {
  const ports = await PublishedPorts.open(portRequests(texts), forward, budget, idle_ms);
  opened.push(ports);
  return ports;
}

/** Greets, and waits until it is over. */
const hold: Forward = async (guest_port, socket, signal) => {
  socket.write(`${guest_port}`);
  if (!signal.aborted) await once(signal, "abort");
};
const portOf = (ports: PublishedPorts, at = 0) => ports.list()[at]?.host_port ?? expect.fail("no port");

describe("published ports", () => {
  it("are on the loopback alone, and closed with their connections", async () => {
    const budget = new PortBudget();
    const ports = await publish(["80", "90"], hold, budget);
    const sockets = [await connected(portOf(ports)), await connected(portOf(ports, 1))];
    expect(await Promise.all(sockets.map(firstBytes))).toEqual(["80", "90"]);
    expect(budget).toMatchObject({ ports: 2, connections: 2 });
    const numbers = [portOf(ports), portOf(ports, 1)];
    const ends = sockets.map(over);
    ports.close();
    await Promise.all(ends);
    expect(numbers.flatMap(listenersAt)).toEqual([]);
    await expect.poll(() => budget).toMatchObject({ ports: 0, connections: 0 });
  });

  it("have all connections of a workspace counted together", async () => {
    const budget = new PortBudget();
    const ports = await publish(["80", "81", "82"], hold, budget);
    const numbers = [0, 1, 2].flatMap((at) => Array.from({ length: 200 }, () => portOf(ports, at)));
    const said = await Promise.all(numbers.map(async (port) => firstBytes(await connected(port))));
    expect(said.filter((word) => word !== "")).toHaveLength(CONNECTIONS_PER_WORKSPACE);
    expect(CONNECTIONS_PER_PORT).toBe(256);
  });

  it("are no more than a workspace may have, and none is left of those that were refused", async () => {
    const budget = new PortBudget();
    budget.ports = PORTS_PER_WORKSPACE - 1;
    await expect(publish(["80", "81"], hold, budget)).rejects.toMatchObject({ code: "service_limit" });
    expect(budget.ports).toBe(PORTS_PER_WORKSPACE - 1);
  });

  it("break off what is silent for too long, and what the guest refuses", async () => {
    const forwards: Record<string, Forward> = {
      silent: async (_, __, signal) => void (await once(signal, "abort")),
      refused: async () => Promise.reject(new Error("refused")),
    };
    for (const forward of Object.values(forwards)) {
      const budget = new PortBudget();
      const ports = await publish(["80"], forward, budget, 50);
      await over(await connected(portOf(ports)));
      await expect.poll(() => budget.connections).toBe(0);
    }
  });

  it("let a client take what came before the guest's end", async () => {
    const whole: Forward = async (_, socket: Duplex) => void socket.end(Buffer.alloc(8 << 20, "x"));
    const ports = await publish(["80"], whole);
    const socket = await connected(portOf(ports));
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(8 << 20);
  });
});
