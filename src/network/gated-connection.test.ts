/** One allowed connection over real sockets: both ways end by themselves, nobody is overrun, and what stands still is ended. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { type ListeningPort, listenOnPort } from "../platform/loopback-port.ts";
import { connectToAddress } from "../platform/outbound-connection.ts";
import { ConnectionBook } from "./connection-book.ts";
import { EgressGate, type GateLimits } from "./egress-gate.ts";
import { egressRules } from "./egress-rules.ts";

const ADDRESS = "127.0.0.1";
let listening: ListeningPort | undefined;
const clients: Socket[] = [];

afterEach(() => {
  listening?.close();
  for (const client of clients.splice(0)) client.destroy();
});

interface Joined {
  readonly guest: Duplex;
  readonly server: Socket;
  readonly book: ConnectionBook;
  readonly gate: EgressGate;
}

/** A connection through a gate to a server of the test's own; on port 443 as far as the gate can tell where `as_tls`. */
async function joined(limits: Partial<GateLimits> = {}, as_tls?: "listed" | "public"): Promise<Joined> {
  const server = new Promise<Socket>((resolve) => {
    listenOnPort(0, resolve).then((opened) => {
      listening = opened;
    });
  });
  while (listening === undefined) await delay(1);
  const { port } = listening;
  const book = new ConnectionBook();
  const rules = egressRules({ network_policy: "egress", allow_egress: as_tls === "listed" ? ["a.com"] : [] });
  const asked = as_tls === undefined ? port : 443;
  const around = {
    lookup: async () => [ADDRESS],
    connect: (address: string, _: number, signal: AbortSignal) => connectToAddress(address, port, signal),
    ownAddresses: () => [],
    exception: { address: ADDRESS, port: asked },
  };
  const gate = new EgressGate(rules, book, around, limits);
  const guest = await gate.open({ host: "a.com", port: asked, pid: null });
  if (guest === undefined) throw new Error(JSON.stringify(book.list()));
  clients.push(await server);
  (await server).on("error", () => {});
  listening.close();
  listening = undefined;
  return { guest, server: await server, book, gate };
}

/** What a stream gives to its end; its other way stays as it is. */
function text(stream: Duplex): Promise<string> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.once("end", () => resolve(String(Buffer.concat(parts))));
  });
}
const closed = (stream: Duplex) => new Promise<void>((resolve) => stream.once("close", () => resolve()));
const openFiles = () => readdirSync("/proc/self/fd").length;
const until = async (isSo: () => boolean) => {
  while (!isSo()) await delay(1);
};

describe("an allowed connection", () => {
  it("carries bytes both ways, each to its own end, and counts them", async () => {
    const { guest, server, book } = await joined();
    guest.end("ask");
    expect(await text(server)).toBe("ask");
    expect(guest.readableEnded).toBe(false);
    server.end("an answer");
    expect(await text(guest)).toBe("an answer");
    await until(() => book.list()[0]?.ended_at !== null);
    expect(book.list()).toMatchObject([{ verdict: "allowed", rule: "public", bytes_up: 3, bytes_down: 9 }]);
    expect(book.totals()).toMatchObject({ allowed_count: 1, open_count: 0, bytes_up: 3, bytes_down: 9 });
  });

  it("hears the server to its end after which it may still speak", async () => {
    const { guest, server } = await joined();
    server.end("first");
    expect(await text(guest)).toBe("first");
    guest.end("then");
    expect(await text(server)).toBe("then");
  });

  it("takes no more from the guest than a server reads, and no more from a server than the guest reads", async () => {
    const { guest, server, book } = await joined();
    const chunk = Buffer.alloc(262_144);
    server.pause();
    let written = 0;
    const push = (): boolean => {
      written += chunk.length;
      return guest.write(chunk);
    };
    while (push()) await delay(0);
    await delay(100);
    expect(guest.writableNeedDrain || book.totals().bytes_up < 64 * chunk.length).toBe(true);
    const sent = book.totals().bytes_up;
    await delay(50);
    expect(book.totals().bytes_up).toBe(sent);
    let read = 0;
    const count = (part: Buffer) => {
      read += part.length;
    };
    guest.once("data", (part: Buffer) => {
      guest.pause();
      count(part);
    });
    for (let round = 0; round < 256; round += 1) server.write(chunk);
    await delay(100);
    const received = book.totals().bytes_down;
    expect(received).toBeLessThan(64 * chunk.length);
    expect(read).toBeGreaterThan(0);
    guest.on("data", count).resume();
    server.end();
    await once(guest, "end");
    expect([read, book.totals().bytes_down]).toEqual([256 * chunk.length, 256 * chunk.length]);
    expect(written).toBeGreaterThan(0);
    guest.destroy();
  });

  it("ends when nothing comes for too long", async () => {
    const { guest, server, book } = await joined({ idle_ms: 30 });
    server.resume();
    await closed(server);
    expect(guest.destroyed).toBe(true);
    await until(() => book.totals().open_count === 0);
  });

  it("breaks off on both sides when one breaks off, and when the gate closes", async () => {
    const first = await joined();
    first.server.resetAndDestroy();
    await closed(first.guest);
    const second = await joined();
    second.server.resume();
    second.guest.destroy(new Error("the guest reset it"));
    await closed(second.server);
    const third = await joined();
    const broken = new Promise((resolve) => third.server.once("error", resolve));
    third.server.resume();
    third.gate.close();
    expect(await broken).toMatchObject({ code: "ECONNRESET" });
  });

  it("leaves no descriptor, however many there were", async () => {
    const before = openFiles();
    for (let round = 0; round < 50; round += 1) {
      const { guest, server } = await joined();
      if (round % 2 === 0) guest.destroy();
      else server.resetAndDestroy();
      server.resume();
      guest.resume();
      if (!guest.closed) await closed(guest);
      server.destroy();
    }
    await until(() => openFiles() <= before);
  });
});

describe("the first bytes of an allowed connection on port 443", () => {
  it("do not reach the server where they are no TLS and names are listed", async () => {
    const { guest, server, book } = await joined({}, "listed");
    const got: Buffer[] = [];
    server.on("data", (part: Buffer) => got.push(part));
    guest.write("GET / HTTP/1.1\r\n\r\n");
    await Promise.all([closed(guest), closed(server)]);
    expect(got).toEqual([]);
    expect(book.list()).toMatchObject([{ verdict: "denied", rule: "sni_mismatch", bytes_up: 0, host: "a.com" }]);
  });

  it("reach it where nothing is listed", async () => {
    const { guest, server } = await joined({}, "public");
    guest.end("SSH-2.0-x\r\n");
    expect(await text(server)).toBe("SSH-2.0-x\r\n");
    guest.destroy();
  });

  it("have a server that speaks first heard meanwhile", async () => {
    const { guest, server } = await joined({}, "listed");
    server.write("welcome");
    expect(String((await once(guest, "data"))[0])).toBe("welcome");
    guest.destroy();
    server.destroy();
  });

  it.each(["listed", "public"] as const)("have only so much time to come, %s", async (as_tls) => {
    const { guest, book } = await joined({ first_ms: 20 }, as_tls);
    guest.write(Buffer.from([22, 3, 1]));
    await closed(guest);
    expect(book.list()).toMatchObject([{ verdict: "denied", rule: "sni_mismatch" }]);
  });

  it("may be none", async () => {
    const { guest, server, book } = await joined({}, "listed");
    guest.end();
    expect(await text(server)).toBe("");
    server.end();
    expect(await text(guest)).toBe("");
    expect(book.list()).toMatchObject([{ verdict: "allowed" }]);
  });
});
