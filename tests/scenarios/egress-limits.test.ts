/** What the agent itself holds while egress is on, where its host answers nothing and its programs let go of nothing. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConnectionBook } from "../../src/network/connection-book.ts";
import { EgressGate } from "../../src/network/egress-gate.ts";
import { egressRules } from "../../src/network/egress-rules.ts";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";
import type { Machine } from "../../src/vmm/machine.ts";
import { AgentClient } from "../../src/wire/client.ts";
import { canUnshare, closeServers, type Granted, grantEgress, inside, serving } from "../support/egress.ts";
import { startFakeMachine } from "../support/fake-machine.ts";

/** How long the host takes here to refuse what nobody answers: after that it counts no question of before. */
const HOST_MS = 33_000;
/** What scripts have besides: a connection to the resolver that never ends by itself, and how long it lasted. */
const SEATS = `
  const seat = () => new Promise((resolve) => {
    const socket = net.connect(53, "198.18.0.1");
    const began = Date.now();
    socket.on("error", () => {}).on("close", () => resolve(Date.now() - began)).resume();
    seat.last = socket;
  });`;

describe.skipIf(!canUnshare())("the agent", () => {
  let machine: Machine | undefined;
  let agent: AgentClient;
  let granted: Granted | undefined;
  const looked: string[] = [];
  const waiting: string[] = [];

  beforeAll(async () => {
    machine = await startFakeMachine(undefined, true);
    agent = new AgentClient(machine.channel);
    const never = (what: string) => {
      waiting.push(what);
      return new Promise<never>(() => {});
    };
    const handlers = {
      lookup: async (name: string) => (name.startsWith("mute") ? never(name) : looked.push(name) > 0),
      open: async ({ host }: { host: string }) => never(host),
    };
    // More patient than the agent, which has to give up by itself.
    granted = await grantEgress(agent, handlers, { answer_ms: HOST_MS });
  });

  afterAll(async () => {
    await granted?.end();
    agent?.close();
    await machine?.kill();
    closeServers();
  });

  it("has 1,024 questions wait, refuses more at once, and each waits for 30 s", async () => {
    const script = `
      const ask = dgram.createSocket("udp4");
      const answers = [];
      ask.on("message", (packet) => answers.push({ code: packet[3] & 15, ms: Date.now() - began }));
      const began = Date.now();
      for (let at = 0; at < 1100; at++) {
        const label = "mute" + at;
        const head = Buffer.from([at >> 8, at & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        ask.send(Buffer.concat([head, Buffer.from([label.length]), Buffer.from(label), Buffer.from([0, 0, 1, 0, 1])]), 53, "198.18.0.1");
        if (at % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      while (answers.length < 76) await new Promise((resolve) => setTimeout(resolve, 10));
      const refused = [await exchange("192.0.2.7", 80, "x").catch(code), await resolver.resolve4("more.example").catch(code)];
      while (answers.length < 1100) await new Promise((resolve) => setTimeout(resolve, 20));
      ask.close();
      await new Promise((resolve) => setTimeout(resolve, ${HOST_MS} - (Date.now() - began) + 1000));
      const [soon, late] = [answers.slice(0, 76), answers.slice(76)];
      return {
        refused,
        codes: [...new Set(soon.map(({ code }) => code)), ...new Set(late.map(({ code }) => code))],
        soon: Math.max(...soon.map(({ ms }) => ms)),
        late: [Math.min(...late.map(({ ms }) => ms)), Math.max(...late.map(({ ms }) => ms))],
        after: (await resolver.resolve4("again.example")).length,
      };`;
    const seen = (await inside(agent, script)) as { soon: number; late: [number, number] };
    // Refused where too much is asked at once; no such name where the host said nothing in time.
    expect(seen).toMatchObject({ refused: ["ECONNRESET", "EREFUSED"], codes: [5, 3], after: 1 });
    expect(waiting).toHaveLength(1024);
    expect(seen.soon).toBeLessThan(10_000);
    expect(seen.late[0]).toBeGreaterThan(29_000);
    expect(seen.late[1]).toBeLessThan(45_000);
  }, 90_000);

  it("asks its host for a name once within 2 s, and again after that", async () => {
    looked.length = 0;
    const script = `
      const twice = () => Promise.all([resolver.resolve4("fresh.example"), resolver.resolve6("fresh.example")]);
      await twice();
      await twice();
      await new Promise((resolve) => setTimeout(resolve, 2100));
      await twice();`;
    await inside(agent, script);
    expect(looked).toEqual(["fresh.example", "fresh.example"]);
  });

  it("has 64 connections to its resolver, for 10 s without a whole question, and closes more at once", async () => {
    const script = `${SEATS}
      const first = seat();
      const loris = setInterval(() => seat.first.write(Buffer.from([1])), 1000);
      seat.first = seat.last;
      const seats = [first, ...Array.from({ length: 63 }, seat)];
      await new Promise((resolve) => setTimeout(resolve, 300));
      const beyond = Math.max(...(await Promise.all(Array.from({ length: 6 }, seat))));
      const meanwhile = (await resolver.resolve4("meanwhile.example")).length;
      const lasted = await Promise.all(seats);
      clearInterval(loris);
      const after = await new Promise((resolve) => {
        const socket = net.connect(53, "198.18.0.1", () => socket.write(Buffer.from("001f00010100000100000000000005" + Buffer.from("after").toString("hex") + "07" + Buffer.from("example").toString("hex") + "0000010001", "hex")));
        socket.once("data", (answer) => resolve(answer.length > 30) ?? socket.destroy()).on("error", () => {});
      });
      return { beyond, meanwhile, after, least: Math.min(...lasted), most: Math.max(...lasted) };`;
    const seen = (await inside(agent, script)) as { beyond: number; least: number; most: number };
    expect(seen).toMatchObject({ meanwhile: 1, after: true });
    expect(seen.beyond).toBeLessThan(5000);
    expect(seen.least).toBeGreaterThan(9000);
    expect(seen.most).toBeLessThan(20_000);
  });
});

describe.skipIf(!canUnshare())("a program that resets its connection", () => {
  it("does not look to the server as if it had said everything", async () => {
    const machine = await startFakeMachine(undefined, true);
    const agent = new AgentClient(machine.channel);
    const sockets: Socket[] = [];
    const port = await serving((socket) => void sockets.push(socket));
    const gate = new EgressGate(egressRules({ network_policy: "egress", allow_egress: [] }), new ConnectionBook(), {
      lookup: async () => ["8.8.8.8"],
      connect: async (address, _, signal) => ({
        ...(await connectToAddress("127.0.0.1", port, signal)),
        peer: address,
      }),
      ownAddresses: () => [],
    });
    const granted = await grantEgress(agent, {
      lookup: (name) => gate.lookup(name),
      open: (asked, signal) => gate.open(asked, signal),
    });
    const script = `
      const [host] = await resolver.resolve4("a.com");
      const socket = net.connect(80, host, () => socket.write("half of it"));
      await new Promise((resolve) => socket.once("data", resolve));
      socket.resetAndDestroy();
      await new Promise((resolve) => socket.once("close", resolve));`;
    const done = inside(agent, script);
    while (sockets.length === 0) await delay(5);
    const [server] = sockets;
    if (server === undefined) throw new Error("no connection");
    const reset = once(server, "error");
    server.resume().write("go on");
    await done;
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    await granted.end();
    agent.close();
    await machine.kill();
  });
});
