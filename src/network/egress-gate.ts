/** The only way out of a guest: decides on every connection that it asks for, makes those that are allowed, and notes all of them. */
import type { Duplex } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { withDeadline } from "../platform/deadline.ts";
import type { ConnectionBook, ConnectionEntry } from "./connection-book.ts";
import { type Allowed, type Denied, decideConnection, decideName, denied, PUBLIC } from "./egress-decision.ts";
import type { EgressRules } from "./egress-rules.ts";
import { FirstBytes } from "./first-bytes.ts";
import { firstConnection } from "./first-connection.ts";
import { forbiddenReason } from "./forbidden-addresses.ts";
import { GatedConnection } from "./gated-connection.ts";
import { type IpAddress, readAddress, sameAddress, showAddress } from "./ip-address.ts";
import { NamesBelow, type NamesBelowLimits } from "./names-below.ts";
import { Turns } from "./turns.ts";

/** A connection of this machine's to an address, and the address that it has really got. */
export interface Outbound {
  readonly socket: Duplex;
  readonly peer: string;
}

/** What of this machine a gate uses. */
export interface GateSurroundings {
  lookup(name: string, signal: AbortSignal): Promise<readonly string[]>;
  connect(address: string, port: number, signal: AbortSignal): Promise<Outbound>;
  ownAddresses(): readonly string[];
  /** One destination that is reached although it is forbidden: pyro's own, in a proof that the gate works */
  readonly exception?: { readonly address: string; readonly port: number };
}

export interface GateLimits extends NamesBelowLimits {
  /** Connections at once, those that are being made too */
  readonly connections: number;
  /** Lookups at once; more wait */
  readonly lookups: number;
  readonly lookup_ms: number;
  readonly connect_ms: number;
  readonly stagger_ms: number;
  readonly first_ms: number;
  readonly idle_ms: number;
}

/** docs/design/limits.md; connections stay below what the wire carries, so that it is the gate that refuses more and says so. */
const gateLimits: GateLimits = {
  connections: 250,
  lookups: 64,
  names_below: 1000,
  names_at_once: 100,
  names_ms: 60_000,
  lookup_ms: 10_000,
  connect_ms: 15_000,
  stagger_ms: 250,
  first_ms: 5000,
  idle_ms: 15 * 60_000,
};

/** A connection that a program in the guest asks for. */
export interface OpenRequest {
  readonly host: string;
  readonly port: number;
  readonly pid: number | null;
}

const TLS_PORT = 443;

export class EgressGate {
  readonly #rules: EgressRules;
  readonly #book: ConnectionBook;
  readonly #around: GateSurroundings;
  readonly #limits: GateLimits;
  readonly #turns: Turns;
  readonly #closed = new AbortController();
  readonly #open = new Set<GatedConnection>();
  readonly #names_below: NamesBelow;
  #opening = 0;

  constructor(rules: EgressRules, book: ConnectionBook, around: GateSurroundings, limits: Partial<GateLimits> = {}) {
    this.#rules = rules;
    this.#book = book;
    this.#around = around;
    this.#limits = { ...gateLimits, ...limits };
    this.#turns = new Turns(this.#limits.lookups);
    this.#names_below = new NamesBelow(this.#limits);
  }

  /** Whether a program may have an address for a name. Nothing is asked of anybody for that. */
  async lookup(name: string): Promise<boolean> {
    const decision = decideName(this.#rules, name);
    if (decision.verdict === "denied") this.#deny(decision, null, null);
    return decision.verdict === "allowed" && !this.#closed.signal.aborted;
  }

  /** The other end of a connection that was asked for; undefined where there is none, and the book says why. */
  async open({ host, port, pid }: OpenRequest, given_up?: AbortSignal): Promise<Duplex | undefined> {
    if (this.#closed.signal.aborted || given_up?.aborted) return undefined;
    const decision = this.#decide(host, port);
    if (decision.verdict === "denied") return this.#deny(decision, port, pid);
    const entry = this.#book.begin({ host: decision.host.name, port, pid }, decision.rule);
    this.#opening += 1;
    try {
      const signal = AbortSignal.any([this.#closed.signal, ...(given_up === undefined ? [] : [given_up])]);
      return await this.#connect(decision, port, entry, signal);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Breaks every connection off; nothing is allowed from then on. */
  close(): void {
    this.#closed.abort();
    for (const connection of [...this.#open]) connection.destroy(new Error("the gate was closed"));
  }

  #deny({ host, rule, hint }: Denied, port: number | null, pid: number | null): undefined {
    this.#book.begin({ host, port, pid }, rule).deny(rule, hint);
  }

  #decide(host: string, port: number): Allowed | Denied {
    const decision = decideConnection(this.#rules, host, port);
    if (decision.verdict === "denied") return decision;
    if (this.#open.size + this.#opening >= this.#limits.connections)
      return denied(decision.host.name, port, "too_many_connections");
    if (!decision.is_below || this.#names_below.note(decision.rule, decision.host.name)) return decision;
    return denied(decision.host.name, port, "too_many_names");
  }

  async #connect(
    decision: Allowed,
    port: number,
    entry: ConnectionEntry,
    signal: AbortSignal,
  ): Promise<Duplex | undefined> {
    const addresses = await this.#checked(decision, port, entry, signal);
    if (addresses === undefined) return undefined;
    const outbound = await this.#reach(addresses, port, signal).catch((thrown: unknown) => {
      entry.fail("connect_failed", reasonOf(thrown));
      return undefined;
    });
    if (outbound === undefined) return undefined;
    // The other end is looked at again, as it is; and this machine may have got an address meanwhile.
    const peer = readAddress(outbound.peer);
    const is_checked = peer !== undefined && addresses.some((address) => sameAddress(address, peer));
    if (!is_checked || this.#isForbidden(peer, port)) {
      discard(outbound);
      entry.deny("forbidden_address", denied(decision.host.name, port, "forbidden_address").hint);
      return undefined;
    }
    return this.#guard(outbound, decision, port, entry);
  }

  /** The addresses of a host, all of them fit to be reached. */
  async #checked(
    { host }: Allowed,
    port: number,
    entry: ConnectionEntry,
    signal: AbortSignal,
  ): Promise<IpAddress[] | undefined> {
    const found =
      host.kind === "address"
        ? [showAddress(host.address)]
        : await this.#lookup(host.name, signal).catch((thrown: unknown) => {
            entry.fail("lookup_failed", reasonOf(thrown));
            return undefined;
          });
    if (found === undefined) return undefined;
    const addresses = found.map(readAddress);
    // One address that cannot be read or is not public spoils all of them.
    const usable = addresses.filter((address) => address !== undefined && !this.#isForbidden(address, port));
    if (usable.length === addresses.length && usable.length > 0) return usable.filter((one) => one !== undefined);
    const rule = host.kind === "address" ? "forbidden_address" : "resolved_to_private";
    entry.deny(rule, denied(host.name, port, rule).hint);
    return undefined;
  }

  /** One lookup for each connection: what a name server says of its own patience counts for nothing. */
  #lookup(name: string, given_up: AbortSignal): Promise<readonly string[]> {
    return this.#turns.use(async () => {
      const found = await withDeadline(this.#limits.lookup_ms, given_up, (signal) =>
        orAborted(this.#around.lookup(name, signal), signal),
      );
      if (found.length === 0) throw new PyroError("internal_error", "it has no address");
      return found;
    });
  }

  #reach(addresses: readonly IpAddress[], port: number, given_up: AbortSignal): Promise<Outbound> {
    return withDeadline(this.#limits.connect_ms, given_up, (signal) =>
      firstConnection(addresses.map(showAddress), {
        attempt: (address, ended) => this.#around.connect(address, port, ended),
        discard,
        stagger_ms: this.#limits.stagger_ms,
        signal,
      }),
    );
  }

  #guard({ socket }: Outbound, { host, rule }: Allowed, port: number, entry: ConnectionEntry): Duplex | undefined {
    if (this.#closed.signal.aborted) {
      socket.destroy();
      entry.end();
      return undefined;
    }
    const is_named = port === TLS_PORT && host.kind === "name";
    const connection = new GatedConnection(socket, {
      first: is_named ? new FirstBytes(host.name, rule !== PUBLIC) : undefined,
      first_ms: this.#limits.first_ms,
      idle_ms: this.#limits.idle_ms,
      count: (way, bytes) => entry.count(way, bytes),
      refused: () => entry.deny("sni_mismatch", denied(host.name, port, "sni_mismatch").hint),
      ended: () => {
        this.#open.delete(connection);
        entry.end();
      },
    });
    this.#open.add(connection);
    return connection;
  }

  #isForbidden(address: IpAddress, port: number): boolean {
    const { exception } = this.#around;
    if (exception !== undefined && exception.port === port && showAddress(address) === exception.address) return false;
    const own = this.#around.ownAddresses().map(readAddress);
    return (
      forbiddenReason(
        address,
        own.filter((one) => one !== undefined),
      ) !== undefined
    );
  }
}

function discard({ socket }: Outbound): void {
  socket.on("error", () => {});
  socket.destroy();
}

/** What went wrong, in the kernel's or the resolver's own words. */
function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === "TimeoutError") return "no answer in time";
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Settles with the signal where nothing else has before. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
