/** A guest that speaks to the gate itself, without the agent and its limits: what it gets, and what it can hold up. */
import { once } from "node:events";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { ConnectionBook } from "../../src/network/connection-book.ts";
import { EgressGate, type GateLimits, type GateSurroundings } from "../../src/network/egress-gate.ts";
import { egressRules } from "../../src/network/egress-rules.ts";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";
import { closeServers, serving } from "../support/egress.ts";
import { closeAgents, event, record } from "../support/hostile-agent.ts";
import { grant, lookup, open, ready, type ScriptedGuest, scripted } from "../support/scripted-egress.ts";

afterEach(closeAgents);
afterAll(closeServers);

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("not within 10 s");
    await delay(2);
  }
}

interface Asking extends ScriptedGuest {
  readonly book: ConnectionBook;
  /** Names that were asked of name servers */
  readonly asked: string[];
  /** How it ended; undefined as long as it has not */
  readonly ended: () => unknown;
  readonly end: () => Promise<unknown>;
}

/** A guest whose questions come to a gate with these rules; every name leads to this server, but those of insiders. */
async function asking(
  questions: readonly Buffer[],
  { allow = [] as string[], port = 1, limits = {} as Partial<GateLimits> },
  tunnel?: (stream: ServerHttp2Stream) => void,
): Promise<Asking> {
  const guest = await scripted([ready, ...questions], tunnel);
  const book = new ConnectionBook();
  const asked: string[] = [];
  const around: GateSurroundings = {
    lookup: async (name) =>
      asked.push(name) > 0 && name.startsWith("inside.") ? ["8.8.8.8", "10.0.0.1"] : ["8.8.8.8"],
    connect: async (address, _, signal) => ({ ...(await connectToAddress("127.0.0.1", port, signal)), peer: address }),
    ownAddresses: () => [],
  };
  const gate = new EgressGate(egressRules({ network_policy: "egress", allow_egress: allow }), book, around, limits);
  const { controller, over } = grant(guest.client, {
    lookup: (name) => gate.lookup(name),
    open: (what, signal) => gate.open(what, signal),
  });
  let ended: unknown;
  void over.then((why) => {
    ended = why;
  });
  const end = async () => {
    controller.abort();
    gate.close();
    return over;
  };
  return { ...guest, book, asked, ended: () => ended, end };
}

/** A tunnel that is taken, and on which these bytes come at once. */
const taking =
  (bytes: Buffer = Buffer.alloc(0)) =>
  (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200 });
    stream.write(Buffer.concat([event({ event: "connected" }), ...(bytes.length > 0 ? [record(1, bytes)] : [])]));
  };

describe("a guest that asks for connections without a lookup", () => {
  it("is decided on by host and port alone, and nothing of it is looked up that is not allowed", async () => {
    const hosts: readonly (readonly [string, number, string])[] = [
      ["127.0.0.1", 22, "address_not_listed"],
      ["169.254.169.254", 80, "address_not_listed"],
      ["2852039166", 80, "address_not_listed"],
      ["::ffff:a9fe:a9fe", 80, "address_not_listed"],
      ["10.1.2.3", 80, "forbidden_address"],
      ["localhost", 80, "not_listed"],
      ["metadata.google.internal", 80, "not_listed"],
      ["evil.com\0.a.com", 443, "bad_host"],
      ["a.com\r\nHost: b.com", 80, "bad_host"],
      ["http://a.com/", 80, "bad_host"],
      ["a.com:80", 80, "bad_host"],
      ["a.com", 22, "port_not_listed"],
      ["inside.a.com", 80, "resolved_to_private"],
    ];
    const questions = hosts.map(([host, port], at) => open(at + 1, { host, port }));
    const guest = await asking(questions, { allow: ["a.com", "inside.a.com", "10.1.2.3"] });
    await until(() => guest.answers.length === hosts.length);
    expect(guest.book.list().map(({ rule }) => rule)).toEqual(hosts.map(([, , rule]) => rule));
    expect([guest.asked, guest.tunnels]).toEqual([["inside.a.com"], []]);
    expect(guest.ended()).toBeUndefined();
    await guest.end();
  });

  it("has its names that are no names denied, and is not asked for 10,000 of them (NET-10)", async () => {
    const count = 10_000;
    const names = Array.from({ length: count }, (_, at) => lookup(at + 1, `${at}.evil.com`));
    const guest = await asking(names.slice(0, 500), { allow: ["a.com"] });
    for (let from = 500; from <= count; from += 500) {
      await until(() => guest.answers.length === from);
      guest.stream()?.write(Buffer.concat(names.slice(from, from + 500)));
    }
    expect(guest.asked).toEqual([]);
    expect(guest.book.totals()).toMatchObject({ denied_count: count, open_count: 0 });
    await guest.end();
  });
});

describe("a guest that leaves its connections as they are", () => {
  const four = [1, 2, 3, 4].map((id) => open(id, { port: 80 }));

  it("has only so many that it never takes, each for so long (never closed)", async () => {
    const held: Socket[] = [];
    const port = await serving((socket) => void held.push(socket.resume()));
    const guest = await asking(four, { port, limits: { connections: 3, idle_ms: 150 } });
    await until(() => guest.answers.length === 1 && guest.tunnels.length === 3);
    expect(guest.answers).toEqual([{ answer: "open", id: 4, verdict: "refused" }]);
    expect(guest.book.list().at(-1)).toMatchObject({ rule: "too_many_connections" });
    await until(() => guest.book.totals().open_count === 0 && held.every(({ destroyed }) => destroyed));
    guest.stream()?.write(open(5, { port: 80 }));
    await until(() => guest.tunnels.length === 4);
    await guest.end();
    await until(() => held.length === 4 && held.every(({ destroyed }) => destroyed));
  });

  it("has a half open one as long as the other half says something, and no longer", async () => {
    const held: Socket[] = [];
    const port = await serving((socket) => void held.push(socket.resume()));
    const guest = await asking([open(1, { port: 80 })], { port, limits: { idle_ms: 300 } }, (stream) => {
      taking()(stream);
      stream.end();
    });
    await until(() => held.length === 1);
    const [server] = held;
    if (server === undefined) throw new Error("no connection");
    await until(() => server.readableEnded);
    for (let said = 0; said < 8; said += 1) {
      server.write("still here");
      await delay(60);
      expect(guest.book.totals().open_count).toBe(1);
    }
    await until(() => guest.book.totals().open_count === 0);
    await guest.end();
  });
});

describe("a slow loris", () => {
  it("in the guest has its time for the first bytes, however it drips them", async () => {
    const held: Socket[] = [];
    const port = await serving((socket) => void held.push(socket.resume()));
    const limits = { first_ms: 200, idle_ms: 10_000 };
    const guest = await asking([open(1)], { allow: ["example.com"], port, limits }, taking());
    await until(() => guest.tunnels.length === 1);
    const stream = guest.tunnels[0]?.stream;
    const began = performance.now();
    // The beginning of a greeting, which would come to its end after many seconds.
    const bytes = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 0xfc]), Buffer.alloc(500)]);
    for (let at = 0; guest.book.totals().open_count > 0; at += 1) {
      stream?.write(record(1, bytes.subarray(at, at + 1)));
      await delay(10);
    }
    expect(performance.now() - began).toBeLessThan(3000);
    expect(guest.book.list()).toMatchObject([{ verdict: "denied", rule: "sni_mismatch", bytes_up: 0 }]);
    await until(() => held[0]?.destroyed === true);
    await guest.end();
  });

  it("behind the gate holds its own place, and nobody else up", async () => {
    const dripping: NodeJS.Timeout[] = [];
    const port = await serving((socket) => {
      socket.resume();
      dripping.push(setInterval(() => socket.write("."), 20));
    });
    const limits = { connections: 21, idle_ms: 10_000 };
    const questions = Array.from({ length: 20 }, (_, at) => open(at + 1, { port: 80 }));
    const guest = await asking(questions, { port, limits }, taking());
    await until(() => guest.tunnels.length === 20 && guest.book.totals().bytes_down > 100);
    guest.stream()?.write(Buffer.concat([lookup(21, "b.com"), open(22, { port: 80 }), open(23, { port: 80 })]));
    await until(() => guest.answers.length === 2 && guest.tunnels.length === 21);
    expect(guest.answers).toEqual([
      { answer: "lookup", id: 21, verdict: "allowed" },
      { answer: "open", id: 23, verdict: "refused" },
    ]);
    await guest.end();
    for (const timer of dripping) clearInterval(timer);
    await until(() => guest.book.totals().open_count === 0);
  });
});

describe("a connection that is cut off", () => {
  it.each([
    ["the guest is gone", (guest: Asking) => void guest.socket.destroy()],
    ["the guest ends all it speaks", (guest: Asking) => void guest.stream()?.session?.destroy()],
    ["its egress ends", (guest: Asking) => void guest.end()],
  ])("does not look whole to the server where %s (NET-23)", async (_, cut) => {
    const held: Socket[] = [];
    const port = await serving((socket) => void held.push(socket));
    const guest = await asking([open(1, { port: 80 })], { port }, taking(Buffer.from("half of it")));
    await until(() => held.length === 1 && guest.book.totals().bytes_up > 0);
    const [server] = held;
    if (server === undefined) throw new Error("no connection");
    const reset = once(server, "error");
    await once(server, "data");
    cut(guest);
    expect(await reset).toMatchObject([{ code: "ECONNRESET" }]);
    await guest.end();
  });

  it("is reset in the guest too, and there is no way past the gate (NET-23)", async () => {
    const held: Socket[] = [];
    const port = await serving((socket) => void held.push(socket));
    const guest = await asking([open(1, { port: 80 })], { port }, taking(Buffer.from("half of it")));
    await until(() => held.length === 1 && guest.book.totals().bytes_up > 0);
    const [server] = held;
    if (server === undefined) throw new Error("no connection");
    server.resume();
    const tunnel = guest.tunnels[0]?.stream;
    const closed = new Promise((resolve) => tunnel?.once("close", () => resolve(tunnel.rstCode)));
    await guest.end();
    expect(await closed).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect(guest.book.totals().open_count).toBe(0);
  });
});
