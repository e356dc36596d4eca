/** Connections to registries and what they lead to: the address is checked, and is what is connected to. */
import type { Socket } from "node:net";
import { firstConnection } from "../../network/first-connection.ts";
import { type Reach, reachOf } from "../../network/reach.ts";
import { withDeadline } from "../../platform/deadline.ts";
import { secured, tunnelled } from "../../platform/http-exchange.ts";
import type { OutboundConnection } from "../../platform/outbound-connection.ts";
import { literalAddress } from "./destinations.ts";
import { proxyFor, type WebProxy } from "./proxies.ts";
import type { RegistrySurroundings } from "./surroundings.ts";

/** Patience with a connection until it can be used, and with one address before the next is tried, in milliseconds (docs/design/limits.md). */
export const CONNECT_MS = 5_000;
const STAGGER_MS = 250;

export interface Way {
  readonly url: URL;
  /** Whether an address of that reach may be connected to */
  admits(reach: Reach): boolean;
  readonly signal: AbortSignal;
}

export interface Connection {
  readonly socket: Socket;
  /** How far away the other end is; behind a proxy, as far as its name shows that */
  readonly reach: Reach;
  /** Set where requests go to a proxy in full */
  readonly proxy?: WebProxy;
}

/** A destination that its name or address rules out. */
export class ForbiddenDestination extends Error {
  override readonly name = "ForbiddenDestination";
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Opens a connection to where the address points; rejects with `ForbiddenDestination` where that may not be reached. */
export async function openConnection(
  way: Way,
  env: Variables,
  surroundings: RegistrySurroundings,
): Promise<Connection> {
  return withDeadline(CONNECT_MS, way.signal, async (signal) => {
    try {
      return await anyConnection(way, env, signal, surroundings);
    } catch (thrown) {
      if (signal.aborted && !way.signal.aborted) throw new Error(`no connection within ${CONNECT_MS / 1000} s`);
      throw thrown;
    }
  });
}

async function anyConnection(
  way: Way,
  env: Variables,
  signal: AbortSignal,
  surroundings: RegistrySurroundings,
): Promise<Connection> {
  const proxy = proxyFor(way.url, env);
  if (proxy !== undefined) return throughProxy(way, proxy, signal, surroundings);
  const { socket, peer } = await connect(way.url, way.admits, signal, surroundings);
  const reach = reachOf(peer, surroundings.ownAddresses());
  if (way.url.protocol === "http:") return { socket, reach };
  return { socket: await withTls(socket, way.url, signal, surroundings), reach };
}

async function throughProxy(
  way: Way,
  proxy: WebProxy,
  signal: AbortSignal,
  surroundings: RegistrySurroundings,
): Promise<Connection> {
  const literal = literalAddress(way.url.hostname);
  const reach = literal === undefined ? "public" : reachOf(literal, surroundings.ownAddresses());
  if (!way.admits(reach)) throw refused(way.url, reach);
  const { socket: plain } = await connect(proxy.url, () => true, signal, surroundings);
  const socket = proxy.url.protocol === "https:" ? await withTls(plain, proxy.url, signal, surroundings) : plain;
  if (way.url.protocol === "http:") return { socket, reach, proxy };
  const authority = `${way.url.hostname}:${portOf(way.url)}`;
  const headers = { host: authority, ...proxy.headers };
  const through = await tunnelled(socket, authority, headers, { signal, silence_ms: CONNECT_MS });
  return { socket: await withTls(through, way.url, signal, surroundings), reach };
}

function withTls(socket: Socket, url: URL, signal: AbortSignal, { ca }: RegistrySurroundings): Promise<Socket> {
  return secured(socket, bareHost(url), { ca, signal, silence_ms: CONNECT_MS });
}

/** Every address of a name has to be admitted, and the one that was connected to once more. */
async function connect(
  url: URL,
  admits: Way["admits"],
  signal: AbortSignal,
  surroundings: RegistrySurroundings,
): Promise<OutboundConnection> {
  const check = (address: string) => {
    const reach = reachOf(address, surroundings.ownAddresses());
    if (!admits(reach)) throw refused(url, reach);
  };
  const addresses = await addressesOf(url, signal, surroundings);
  addresses.forEach(check);
  const found = await firstConnection(addresses, {
    attempt: (address, each) => surroundings.connect(address, portOf(url), each),
    discard: ({ socket }) => socket.destroy(),
    stagger_ms: STAGGER_MS,
    signal,
  });
  try {
    check(found.peer);
  } catch (thrown) {
    found.socket.destroy();
    throw thrown;
  }
  return found;
}

async function addressesOf(url: URL, signal: AbortSignal, surroundings: RegistrySurroundings): Promise<string[]> {
  if (url.hostname === "localhost") return ["127.0.0.1", "::1"];
  const literal = literalAddress(url.hostname);
  if (literal !== undefined) return [literal];
  signal.throwIfAborted();
  return await Promise.race([surroundings.lookup(url.hostname), untilAborted(signal)]);
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function refused(url: URL, reach: Reach): ForbiddenDestination {
  const what = { public: "the public network", private: "a private network", own: "this machine" } as const;
  return new ForbiddenDestination(`"${url.hostname}" is ${reach === "forbidden" ? "no public address" : what[reach]}`);
}
