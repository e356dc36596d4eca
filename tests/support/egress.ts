/** A gate that lets listed names through to servers on this host's loopback, and programs that go through it. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AgentClient } from "../../src/wire/client.ts";
import type { EgressHandlers, EgressOpen, EgressTimes } from "../../src/wire/egress-stream.ts";

/** What went through a gate, and to which ports names lead. */
export interface ListedGate extends EgressHandlers {
  readonly ports: Map<string, number>;
  readonly looked: string[];
  readonly opened: EgressOpen[];
  readonly sockets: Set<Socket>;
}

/** Allows a name that has a port; a connection to it goes to that port, whatever port was asked for. */
export function listedGate(ports: Readonly<Record<string, number>>): ListedGate {
  const gate: ListedGate = {
    ports: new Map(Object.entries(ports)),
    looked: [],
    opened: [],
    sockets: new Set(),
    lookup: async (name) => {
      gate.looked.push(name);
      return gate.ports.has(name.toLowerCase());
    },
    open: async (asked) => {
      gate.opened.push(asked);
      const port = gate.ports.get(asked.host);
      if (port === undefined) return undefined;
      const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
      gate.sockets.add(socket);
      socket.once("close", () => gate.sockets.delete(socket));
      await once(socket, "connect");
      return socket;
    },
  };
  return gate;
}

/** Egress that lasts until `end`. */
export interface Granted {
  /** Why it is over; never rejects */
  readonly over: Promise<unknown>;
  end(): Promise<void>;
}

/** Grants egress, and resolves when programs can ask. */
export async function grantEgress(agent: AgentClient, gate: EgressHandlers, times?: EgressTimes): Promise<Granted> {
  const controller = new AbortController();
  let over: Promise<unknown> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    over = agent.egress({ ...gate, ready: resolve }, controller.signal, times).catch((thrown: unknown) => thrown);
    over.then(reject);
  });
  const end = async () => {
    controller.abort();
    await over;
  };
  return { over, end };
}

/** Whether a process of ours may have a network of its own, which takes root. */
export function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["--net", "ip", "link", "set", "lo", "up"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const servers: Server[] = [];

/** A server on this host's loopback; returns its port. */
export async function serving(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

/** Closes every server; for `afterAll`. */
export function closeServers(): void {
  for (const server of servers.splice(0)) server.close();
}

/** A port of this host's loopback that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const NEVER = new AbortController().signal;
/** What scripts have: the resolver of egress, one look, one exchange. */
const PRELUDE = `
const dns = require("node:dns").promises, net = require("node:net"), dgram = require("node:dgram");
const resolver = new dns.Resolver({ timeout: 20000, tries: 1 });
resolver.setServers(["198.18.0.1"]);
const code = (error) => error.code;
const exchange = (host, port, text, options = {}) => new Promise((resolve, reject) => {
  const socket = net.connect({ host, port, allowHalfOpen: true, ...options });
  let got = "";
  socket.on("error", reject).on("data", (part) => (got += part)).on("close", () => resolve(got));
  socket.on("end", () => socket.end());
  socket.end(text);
});
`;

/** Runs a script of node beside the agent, and returns what it returns. */
export async function inside(agent: AgentClient, script: string): Promise<unknown> {
  const argv = [
    process.execPath,
    "-e",
    `${PRELUDE}(async () => {${script}})().then((value) => console.log(JSON.stringify(value ?? null)));`,
  ];
  const output: Buffer[] = [];
  const ended = await agent.exec(
    {
      argv,
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      cwd: "/",
      timeout_ms: 60_000,
      stdin: false,
      ends_tree: true,
      pty: null,
    },
    { stdin: undefined, signal: NEVER, deadline_ms: undefined, onOutput: (_, part) => void output.push(part) },
  );
  const text = Buffer.concat(output).toString();
  if (ended.exit_code !== 0) throw new Error(`The script ended with ${ended.exit_code}: ${text}`);
  return JSON.parse(text);
}
