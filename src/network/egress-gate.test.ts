/** The gate over name servers and addresses of the test's own: what is asked, what is connected to, and what the book says. */
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { CommandDenials } from "./command-denials.ts";
import { CONNECTIONS_KEPT, ConnectionBook } from "./connection-book.ts";
import { EgressGate, type GateLimits, type GateSurroundings } from "./egress-gate.ts";
import { egressRules } from "./egress-rules.ts";

interface World {
  /** What a name stands for, at each question in turn; the last answer stays */
  readonly answers?: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly own?: readonly string[] | (() => readonly string[]);
  /** The address that a connection really gets */
  readonly peer?: (address: string) => string;
  readonly connect?: GateSurroundings["connect"];
  readonly lookup?: GateSurroundings["lookup"];
  readonly allow?: readonly string[];
  readonly limits?: Partial<GateLimits>;
}

function gateIn({ answers = {}, own = [], peer = (address) => address, allow = [], limits, ...more }: World = {}) {
  const asked: string[] = [];
  const connected: string[] = [];
  const sockets: PassThrough[] = [];
  const book = new ConnectionBook();
  const around: GateSurroundings = {
    lookup: async (name) => {
      const count = asked.push(name);
      const all = answers[name] ?? [];
      return all[Math.min(count, all.length) - 1] ?? [];
    },
    connect: async (address, port) => {
      connected.push(`${address} ${port}`);
      const socket = new PassThrough();
      sockets.push(socket);
      return { socket, peer: peer(address) };
    },
    ownAddresses: () => (typeof own === "function" ? own() : own),
    ...more,
  };
  const rules = egressRules({ network_policy: "egress", allow_egress: allow });
  const gate = new EgressGate(rules, book, around, limits);
  const open = (host: string, port = 80, pid: number | null = null) => gate.open({ host, port, pid });
  const last = () => book.list().at(-1);
  return { gate, book, asked, connected, sockets, open, last };
}

const privates = [
  "127.0.0.1",
  "10.0.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.64.0.1",
  "224.0.0.1",
  "0.0.0.1",
  "240.0.0.1",
  "198.18.0.1",
  "192.0.2.1",
  "::1",
  "fe80::1",
  "fe80::1%eth0",
  "fd00:ec2::254",
  "ff02::1",
  "64:ff9b::a00:1",
  "not an address",
];

describe("the gate", () => {
  it("asks no name server about a name that is denied (NET-02, NET-10)", async () => {
    const { gate, asked, open, book, connected } = gateIn({ allow: ["a.com"], answers: { "b.com": [["8.8.8.8"]] } });
    expect(await gate.lookup("b.com")).toBe(false);
    expect(await gate.lookup("a.com")).toBe(true);
    for (const host of ["b.com", "x.a.com", "a.com\0.b.com", "8.8.8.8"]) expect(await open(host)).toBeUndefined();
    expect(await open("a.com", 22)).toBeUndefined();
    expect([asked, connected]).toEqual([[], []]);
    expect(book.list().map(({ host, port, rule }) => [host, port, rule])).toEqual([
      ["b.com", null, "not_listed"],
      ["b.com", 80, "not_listed"],
      ["x.a.com", 80, "not_listed"],
      ["a.com\\x00.b.com", 80, "bad_host"],
      ["8.8.8.8", 80, "address_not_listed"],
      ["a.com", 22, "port_not_listed"],
    ]);
    expect(book.totals()).toMatchObject({ denied_count: 6, allowed_count: 0, open_count: 0 });
  });

  it.each(privates)(
    "denies a name that stands for %s, alone or among public addresses (NET-18, NET-19)",
    async (address) => {
      for (const answer of [[address], ["8.8.8.8", address], [address, "2606:4700::1"]]) {
        const { open, connected, last } = gateIn({ answers: { "a.com": [answer] } });
        expect(await open("a.com")).toBeUndefined();
        expect(connected).toEqual([]);
        expect(last()).toMatchObject({ verdict: "denied", rule: "resolved_to_private" });
      }
    },
  );

  it("denies this machine's addresses, which it reads anew for each connection", async () => {
    let own: string[] = [];
    const { open, last, connected } = gateIn({ answers: { "a.com": [["8.8.8.8"]] }, own: () => own });
    expect(await open("a.com")).toBeDefined();
    own = ["8.8.8.8"];
    expect(await open("a.com")).toBeUndefined();
    expect(last()).toMatchObject({ rule: "resolved_to_private" });
    expect(connected).toEqual(["8.8.8.8 80"]);
  });

  it.each(["127.0.0.1", "192.168.0.1", "169.254.169.254", "8.8.4.4"])(
    "denies %s although it is listed (NET-09)",
    async (address) => {
      const { open, connected, last } = gateIn({ allow: [address, `${address}:2375`], own: ["8.8.4.4"] });
      for (const port of [80, 2375]) {
        expect(await open(address, port)).toBeUndefined();
        expect(last()).toMatchObject({ verdict: "denied", rule: "forbidden_address", port });
      }
      expect(connected).toEqual([]);
    },
  );

  it("asks once for each connection, and connects to what it has checked (NET-19)", async () => {
    const answers = { "a.com": [["8.8.8.8"], ["127.0.0.1"]] };
    const { open, asked, connected, last } = gateIn({ answers });
    expect(await open("A.com.")).toBeDefined();
    expect([asked, connected]).toEqual([["a.com"], ["8.8.8.8 80"]]);
    expect(await open("a.com")).toBeUndefined();
    expect(last()).toMatchObject({ rule: "resolved_to_private" });
    expect([asked.length, connected.length]).toEqual([2, 1]);
  });

  it.each(["127.0.0.1", "8.8.4.4", "", "::ffff:10.0.0.1"])(
    "takes no connection that ends at %j (NET-19)",
    async (peer) => {
      const { open, sockets, last } = gateIn({ answers: { "a.com": [["8.8.8.8"]] }, peer: () => peer });
      expect(await open("a.com")).toBeUndefined();
      expect(last()).toMatchObject({ verdict: "denied", rule: "forbidden_address" });
      expect(sockets.every(({ destroyed }) => destroyed)).toBe(true);
    },
  );

  it("connects to a listed address without asking anybody", async () => {
    const { open, asked, connected } = gateIn({ allow: ["8.8.8.8:53"] });
    expect(await open("8.8.8.8", 53)).toBeDefined();
    expect([asked, connected]).toEqual([[], ["8.8.8.8 53"]]);
  });

  it("reaches its one exception, on its port alone", async () => {
    const exception = { address: "127.0.0.1", port: 4000 };
    const { open } = gateIn({ answers: { "a.com": [["127.0.0.1"]] }, ...{ exception } });
    expect(await open("a.com", 4000)).toBeDefined();
    expect(await open("a.com", 4001)).toBeUndefined();
  });

  it("says what failed of a connection that was allowed", async () => {
    const refused = () => Promise.reject(new Error("connect ECONNREFUSED"));
    const none = gateIn();
    expect(await none.open("a.com")).toBeUndefined();
    expect(none.last()).toMatchObject({ verdict: "failed", rule: "lookup_failed" });
    const down = gateIn({ answers: { "a.com": [["8.8.8.8"]] }, connect: refused });
    expect(await down.open("a.com")).toBeUndefined();
    expect(down.last()).toMatchObject({ verdict: "failed", rule: "connect_failed", hint: "connect ECONNREFUSED" });
    expect(down.book.totals()).toMatchObject({ allowed_count: 0, denied_count: 0, failed_count: 1, open_count: 0 });
  });

  it("waits for no name server and no server longer than it says", async () => {
    const never = () => new Promise<never>(() => {});
    const mute = gateIn({ lookup: never, limits: { lookup_ms: 5 } });
    expect(await mute.open("a.com")).toBeUndefined();
    expect(mute.last()).toMatchObject({ rule: "lookup_failed", hint: "no answer in time" });
    const cancelled = (_: string, __: number, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const slow = gateIn({ answers: { "a.com": [["8.8.8.8"]] }, connect: cancelled, limits: { connect_ms: 5 } });
    expect(await slow.open("a.com")).toBeUndefined();
    expect(slow.last()).toMatchObject({ rule: "connect_failed", hint: "no answer in time" });
  });

  it("tries the next address beside one that is slow, and keeps one connection", async () => {
    const tried: string[] = [];
    const late: PassThrough[] = [];
    const connect: GateSurroundings["connect"] = async (address) => {
      tried.push(address);
      const socket = new PassThrough();
      if (address === "2606:4700::1") {
        await delay(30);
        late.push(socket);
      }
      if (address === "8.8.8.8") throw new Error("down");
      return { socket, peer: address };
    };
    const answers = { "a.com": [["8.8.8.8", "8.8.4.4", "2606:4700::1"]] };
    const { open } = gateIn({ answers, connect, limits: { stagger_ms: 5 } });
    expect(await open("a.com")).toBeDefined();
    expect(tried).toEqual(["2606:4700::1", "8.8.8.8", "8.8.4.4"]);
    while (late.length === 0 || !late[0]?.destroyed) await delay(1);
  });

  it("has only so many lookups at once, and answers all of 10,000", async () => {
    let now = 0;
    let most = 0;
    const lookup = async () => {
      now += 1;
      most = Math.max(most, now);
      await delay(0);
      now -= 1;
      return ["8.8.8.8"];
    };
    const limits = { lookups: 8, connections: 20_000 };
    const { open, gate } = gateIn({ lookup, limits });
    const all = await Promise.all(Array.from({ length: 500 }, (_, at) => open(`a${at}.com`)));
    expect([most, all.every((one) => one !== undefined)]).toEqual([8, true]);
    gate.close();
    const denied = gateIn({ allow: ["a.com"] });
    await Promise.all(Array.from({ length: 10_000 }, (_, at) => denied.gate.lookup(`b${at}.com`)));
    expect(denied.asked).toEqual([]);
    expect(denied.book.list()).toHaveLength(CONNECTIONS_KEPT);
    expect(denied.book.totals().denied_count).toBe(10_000);
  });

  it("has only so many connections at once, those that are being made too", async () => {
    const { open, last, book } = gateIn({ answers: { "a.com": [["8.8.8.8"]] }, limits: { connections: 3 } });
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => open("a.com")));
    expect(made.filter((one) => one !== undefined)).toHaveLength(3);
    expect(last()).toMatchObject({ verdict: "denied", rule: "too_many_connections" });
    made[0]?.destroy();
    while (book.totals().open_count === 3) await delay(1);
    expect(await open("a.com")).toBeDefined();
  });

  it.each([{ names_below: 3 }, { names_at_once: 3 }])(
    "asks for only so many names below a rule for many, in all and within a while (NET-11): %j",
    async (limits) => {
      const answers = Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${name}.cdn.com`, [["8.8.8.8"]]]));
      const { open, last, asked } = gateIn({ answers, allow: ["*.cdn.com"], limits });
      for (const name of ["a", "b", "c", "a"]) expect(await open(`${name}.cdn.com`)).toBeDefined();
      expect(await open("d.cdn.com")).toBeUndefined();
      expect(last()).toMatchObject({ host: "d.cdn.com", verdict: "denied", rule: "too_many_names" });
      expect(await open("b.cdn.com")).toBeDefined();
      expect(asked).not.toContain("d.cdn.com");
    },
  );

  it("breaks everything off when it is closed, and allows nothing afterwards", async () => {
    let begun = () => {};
    const waiting = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const lookup: GateSurroundings["lookup"] = (name, signal) => {
      if (name === "a.com") return Promise.resolve(["8.8.8.8"]);
      begun();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
    const { gate, open, book, sockets } = gateIn({ lookup });
    const [one, pending] = [await open("a.com"), open("slow.com")];
    await waiting;
    gate.close();
    expect(await pending).toBeUndefined();
    expect([one?.destroyed, sockets[0]?.destroyed]).toEqual([true, true]);
    expect([await open("a.com"), await gate.lookup("a.com")]).toEqual([undefined, false]);
    while (book.totals().open_count > 0) await delay(1);
  });
});

describe("the denials of a command", () => {
  it("are its own and nobody's, each named once, all of them counted", () => {
    const book = new ConnectionBook();
    const denials = new CommandDenials(book);
    const deny = (host: string, pid: number | null) => book.begin({ host, port: 80, pid }, "x").deny("not_listed", "h");
    deny("early.com", 7);
    deny("other.com", 8);
    denials.begin(7);
    for (const host of ["a.com", "a.com"]) deny(host, 7);
    deny("b.com", 8);
    deny("nobody.com", null);
    for (let at = 0; at < 30; at += 1) deny(`many${at}.com`, 7);
    const { named, total } = denials.end();
    expect(named.slice(0, 4).map(({ host }) => host)).toEqual(["early.com", "a.com", "nobody.com", "many0.com"]);
    expect([named.length, total]).toEqual([20, 34]);
    deny("late.com", 7);
    expect(denials.end().total).toBe(34);
  });
});
