/** Connections of programs to other machines, through the real agent in a network namespace of its own. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Machine } from "../../src/vmm/machine.ts";
import { AgentClient } from "../../src/wire/client.ts";
import {
  canUnshare,
  closedPort,
  closeServers,
  type Granted,
  grantEgress,
  inside,
  type ListedGate,
  listedGate,
  serving,
} from "../support/egress.ts";
import { withFakeAgent } from "../support/fake-agent.ts";
import { startFakeMachine } from "../support/fake-machine.ts";

async function settled(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("not within 10 s");
    await delay(5);
  }
}

// A network of its own takes root, which builds on a developer's machine need not have; the VM tests show the same.
describe.skipIf(!canUnshare())("egress", () => {
  let machine: Machine | undefined;
  let agent: AgentClient;
  let gate: ListedGate;
  let granted: Granted;

  beforeAll(async () => {
    machine = await startFakeMachine(undefined, true);
    agent = new AgentClient(machine.channel);
    const echo = await serving((socket) => void socket.pipe(socket));
    gate = listedGate({ "echo.example": echo, "refused.example": await closedPort() });
    granted = await grantEgress(agent, gate);
  });

  afterAll(async () => {
    await granted?.end();
    agent?.close();
    await machine?.kill();
    closeServers();
  });

  it("gives a name an address of each family, asked of the host once", async () => {
    gate.looked.length = 0;
    const script = `return Promise.all([resolver.resolve4("echo.example"), resolver.resolve6("echo.example")]);`;
    expect(await inside(agent, script)).toEqual([
      [expect.stringMatching(/^198\.1[89]\./)],
      [expect.stringMatching(/^fd70:7972:6f00::/)],
    ]);
    expect(gate.looked).toEqual(["echo.example"]);
  });

  it("carries a connection to either of them, under the name", async () => {
    gate.opened.length = 0;
    const script = `
      const [[v4], [v6]] = await Promise.all([resolver.resolve4("echo.example"), resolver.resolve6("echo.example")]);
      return [await exchange(v4, 443, "one"), await exchange(v6, 80, "two")];`;
    expect(await inside(agent, script)).toEqual(["one", "two"]);
    expect(gate.opened).toEqual([
      { host: "echo.example", port: 443, pid: null },
      { host: "echo.example", port: 80, pid: null },
    ]);
  });

  it("says at once that a name does not exist, or has nothing of that kind, by UDP and TCP", async () => {
    const script = `
      const tcp = await new Promise((resolve, reject) => {
        const query = Buffer.from("0007" + "0100000100000000" + "0000" + "03666f6f00" + "00010001", "hex");
        const length = Buffer.from([0, query.length]);
        const socket = net.connect(53, "198.18.0.1").on("error", reject).once("data", (answer) => {
          socket.destroy();
          resolve(answer.subarray(2, 6).toString("hex"));
        });
        socket.write(Buffer.concat([length, query]));
      });
      return [
        await resolver.resolve4("denied.example").catch(code),
        await resolver.resolveMx("echo.example").catch(code),
        tcp,
      ];`;
    expect(await inside(agent, script)).toEqual(["ENOTFOUND", "ENODATA", "00078183"]);
  });

  it("drops packets that are no questions, and answers the next", async () => {
    const script = `
      const socket = dgram.createSocket("udp4");
      for (let size = 0; size < 300; size++) socket.send(Buffer.alloc(size, size), 53, "198.18.0.1");
      const [address] = await resolver.resolve4("echo.example");
      socket.close();
      return address.startsWith("198.");`;
    expect(await inside(agent, script)).toBe(true);
  });

  it("refuses UDP to anything but the resolver at once", async () => {
    const script = `
      const refusal = (type, address) => new Promise((resolve) => {
        const socket = dgram.createSocket(type).on("error", (error) => resolve(error.code));
        socket.connect(9999, address, (error) => error ? resolve(error.code) : socket.send("x"));
      }).then((answer) => answer);
      const all = [["udp4", "8.8.8.8"], ["udp6", "2001:4860:4860::8888"], ["udp4", "198.18.1.0"]];
      const answers = await Promise.all(all.map(([type, address]) => refusal(type, address)));
      setImmediate(() => process.exit(0));
      console.log(JSON.stringify(answers));
      await new Promise(() => {});`;
    expect(await inside(agent, script)).toEqual(["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]);
  });

  it("leaves the loopback alone", async () => {
    gate.opened.length = 0;
    const script = `
      const results = [];
      for (const host of ["127.0.0.1", "127.9.9.9", "::1"]) {
        const server = net.createServer((socket) => socket.end("own")).listen(0, host.includes(":") ? "::1" : "0.0.0.0");
        await new Promise((resolve) => server.once("listening", resolve));
        results.push(await exchange(host, server.address().port, ""));
        const { port } = server.address();
        await new Promise((resolve) => server.close(resolve));
        results.push(await exchange(host, port, "").catch(code));
      }
      return results;`;
    expect(await inside(agent, script)).toEqual(["own", "ECONNREFUSED", "own", "ECONNREFUSED", "own", "ECONNREFUSED"]);
    expect(gate.opened).toEqual([]);
  });

  it("asks under its address for what was never looked up, and resets what is refused or not there", async () => {
    gate.opened.length = 0;
    const script = `
      const [refused] = await resolver.resolve4("refused.example");
      const all = [["192.0.2.7", 25], ["2001:DB8:0:0::7", 443], ["198.19.255.254", 80], [refused, 80]];
      return Promise.all(all.map(([host, port]) => exchange(host, port, "x").catch(code)));`;
    expect(await inside(agent, script)).toEqual(["ECONNRESET", "ECONNRESET", "ECONNRESET", "ECONNRESET"]);
    expect(gate.opened.map(({ host, port }) => `${host} ${port}`).sort()).toEqual(
      ["192.0.2.7 25", "198.19.255.254 80", "2001:db8::7 443", "refused.example 80"].sort(),
    );
  });

  it("does not take its own listener for another machine", async () => {
    gate.opened.length = 0;
    const script = `
      const fs = require("node:fs");
      const rows = fs.readFileSync("/proc/net/tcp", "utf8").split("\\n").map((row) => row.trim().split(/\\s+/));
      const ports = rows.filter((row) => row[3] === "0A" && row[1]?.startsWith("0100007F")).map((row) => parseInt(row[1].slice(9), 16));
      return Promise.all(ports.map((port) => exchange("127.0.0.1", port, "x").catch(code)));`;
    expect(await inside(agent, script)).toEqual(["ECONNRESET"]);
    expect(gate.opened).toEqual([]);
  });

  it("takes each way's end by itself, and tells a reset from an end", async () => {
    gate.ports.set(
      "late.example",
      await serving((socket) => void socket.resume().once("end", () => socket.end("after the end"))),
    );
    gate.ports.set("rude.example", await serving((socket) => void socket.once("data", () => socket.resetAndDestroy())));
    const script = `
      const [late] = await resolver.resolve4("late.example");
      const [rude] = await resolver.resolve4("rude.example");
      return [await exchange(late, 1, "question"), await exchange(rude, 1, "question").catch(code)];`;
    expect(await inside(agent, script)).toEqual(["after the end", "ECONNRESET"]);
  });

  it("holds back who sends where nobody reads, either way", async () => {
    let written = 0;
    gate.ports.set(
      "flood.example",
      await serving((socket) => {
        const block = Buffer.alloc(65_536);
        const more = () => {
          while (!socket.destroyed && socket.write(block)) written += block.length;
          written += block.length;
        };
        socket.on("drain", more);
        more();
      }),
    );
    gate.ports.set("deaf.example", await serving((socket) => void socket.pause()));
    const script = `
      const [flood] = await resolver.resolve4("flood.example");
      const [deaf] = await resolver.resolve4("deaf.example");
      const reader = net.connect(80, flood).on("error", () => {}).pause();
      let sent = 0, stalls = 0, last = -1;
      const writer = net.connect(80, deaf).on("error", () => {});
      const block = Buffer.alloc(65536);
      const more = () => { while (writer.write(block)) sent += block.length; };
      writer.on("drain", more);
      more();
      while (stalls < 5) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        stalls = sent === last ? stalls + 1 : 0;
        last = sent;
      }
      reader.destroy();
      writer.destroy();
      return sent;`;
    expect(await inside(agent, script)).toBeLessThan(64 * 1_048_576);
    expect(written).toBeLessThan(64 * 1_048_576);
    // The deaf server's connection is half open as long as it does not read what was sent before the end.
    await settled(() => gate.sockets.size === 1);
    for (const socket of gate.sockets) socket.destroy();
    await settled(() => gate.sockets.size === 0);
  });

  it("serves 256 connections at once, refuses more, and has none left", async () => {
    gate.opened.length = 0;
    const script = `
      const [host] = await resolver.resolve4("echo.example");
      const sockets = [];
      const open = () => new Promise((resolve) => {
        const socket = net.connect(80, host);
        sockets.push(socket);
        socket.on("error", () => resolve("refused")).once("data", () => resolve("open")).write("x");
      });
      const answers = [];
      for (let at = 0; at < 260; at++) answers.push(await open());
      const counts = [answers.filter((answer) => answer === "open").length, answers.slice(256)];
      sockets.forEach((socket) => socket.destroy());
      return counts;`;
    expect(await inside(agent, script)).toEqual([256, ["refused", "refused", "refused", "refused"]]);
    await settled(() => gate.sockets.size === 0);
    expect(gate.opened).toHaveLength(256);
  });

  it("answers 10,000 lookups of names", async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `n${at}.example`);
    for (const name of names) gate.ports.set(name, 1);
    const script = `
      const found = new Set();
      for (let at = 0; at < 10000; at += 200) {
        const some = Array.from({ length: 200 }, (_, next) => resolver.resolve4("n" + (at + next) + ".example"));
        for (const [address] of await Promise.all(some)) found.add(address);
      }
      return found.size;`;
    expect(await inside(agent, script)).toBe(10_000);
  });

  it("ends with its stream: what is open is reset, and nothing resolves or connects", async () => {
    gate.ports.set("silent.example", await serving((socket) => void socket.resume()));
    const script = `
      const [host] = await resolver.resolve4("silent.example");
      const over = await exchange(host, 80, "x").catch(code);
      const after = [await resolver.resolve4("echo.example").catch(code)];
      for (const place of [host, "192.0.2.1", "2001:db8::1"]) after.push(await exchange(place, 80, "x").catch(code));
      return [over, ...after];`;
    gate.opened.length = 0;
    const result = inside(agent, script);
    await settled(() => gate.opened.length === 1 && gate.sockets.size === 1);
    await granted.end();
    const [over, lookup, ...connects] = (await result) as string[];
    expect(over).toMatch(/^(ECONNRESET|EPIPE)$/);
    expect(lookup).toMatch(/ECONNREFUSED|ENETUNREACH|ETIMEOUT/);
    // Refused, or reset, in the moment in which nobody takes connections and the routes are still there.
    for (const error of connects) expect(error).toMatch(/^(ENETUNREACH|ECONNREFUSED|ECONNRESET)$/);
    expect(connects).toHaveLength(3);
    expect(gate.sockets.size).toBe(0);
    granted = await grantEgress(agent, gate);
    const again = `return exchange((await resolver.resolve4("echo.example"))[0], 80, "again");`;
    expect(await inside(agent, again)).toBe("again");
  });

  it("is granted once at a time", async () => {
    await expect(grantEgress(agent, gate)).rejects.toMatchObject({ details: { agent_code: "wrong_state" } });
  });
});

describe("egress beside others", () => {
  let agent: AgentClient;
  withFakeAgent((ready) => {
    agent = ready;
  });

  it("is refused by a process that has no network of its own", async () => {
    await expect(grantEgress(agent, listedGate({}))).rejects.toMatchObject({ code: "not_available" });
  });
});
