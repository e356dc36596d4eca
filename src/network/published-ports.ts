/** Ports of this machine's loopback whose connections are carried to ports of one guest. Nothing is ever opened from the guest's side. */
import type { Duplex } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { holderOfPort, type ListeningPort, LOOPBACK, listenOnPort } from "../platform/loopback-port.ts";
import type { PortRequest } from "./port-request.ts";

export interface PublishedPort {
  readonly host: string;
  readonly host_port: number;
  readonly guest_port: number;
}

/** Carries a connection to a port of the guest, until both ways have ended or `signal` aborts. */
export type Forward = (guest_port: number, socket: Duplex, signal: AbortSignal) => Promise<void>;

/** Connections of one port, and of all ports of a workspace (docs/design/limits.md): more are closed at once. */
export const CONNECTIONS_PER_PORT = 256;
export const CONNECTIONS_PER_WORKSPACE = 512;
/** Ports of one workspace (docs/design/limits.md). */
export const PORTS_PER_WORKSPACE = 64;
/** A connection without a byte in either direction ends after this, in milliseconds (docs/design/limits.md). */
export const IDLE_MS = 15 * 60_000;
/** The same where the client has ended its way, which is all that is seen of one that has gone, in milliseconds (docs/design/limits.md). */
const ENDED_IDLE_MS = 2 * 60_000;

/** Counts what one workspace has open. */
export class PortBudget {
  ports = 0;
  connections = 0;
}

/** What is used of a client's socket. */
interface ClientSocket extends Duplex {
  setTimeout(ms: number, then?: () => void): unknown;
  /** Breaks it off so that the client does not take what it has for all there is */
  resetAndDestroy(): unknown;
}

/** The ports of one service, from `open` to `close`. */
export class PublishedPorts {
  readonly #budget: PortBudget;
  readonly #forward: Forward;
  readonly #idle_ms: number;
  readonly #listening: (PublishedPort & { readonly listener: ListeningPort })[] = [];
  readonly #closed = new AbortController();

  private constructor(forward: Forward, budget: PortBudget, idle_ms: number) {
    this.#forward = forward;
    this.#budget = budget;
    this.#idle_ms = idle_ms;
  }

  /** Listens on all of them or none. Throws `port_taken` and `service_limit`. */
  static async open(
    requests: readonly PortRequest[],
    forward: Forward,
    budget: PortBudget,
    idle_ms = IDLE_MS,
  ): Promise<PublishedPorts> {
    const ports = new PublishedPorts(forward, budget, idle_ms);
    try {
      for (const request of requests) await ports.#listen(request);
      return ports;
    } catch (thrown) {
      ports.close();
      throw thrown;
    }
  }

  /** What is published. */
  list(): PublishedPort[] {
    return this.#listening.map(({ host, host_port, guest_port }) => ({ host, host_port, guest_port }));
  }

  /** Listens no more, and breaks every connection off. */
  close(): void {
    this.#closed.abort();
    for (const { listener } of this.#listening.splice(0)) {
      this.#budget.ports -= 1;
      listener.close();
    }
  }

  async #listen({ host_port, guest_port }: PortRequest): Promise<void> {
    if (this.#budget.ports >= PORTS_PER_WORKSPACE)
      throw new PyroError("service_limit", `The workspace publishes ${this.#budget.ports} ports already`);
    const gate = { open: 0 };
    this.#budget.ports += 1;
    const listener = await listenOnPort(host_port, (socket) => void this.#carry(socket, guest_port, gate)).catch(
      (thrown: unknown) => {
        this.#budget.ports -= 1;
        throw thrown;
      },
    );
    if (listener === undefined) {
      this.#budget.ports -= 1;
      throw taken(host_port);
    }
    this.#listening.push({ host: LOOPBACK, host_port: listener.port, guest_port, listener });
  }

  /** One connection from its first byte to its end. */
  async #carry(socket: ClientSocket, guest_port: number, gate: { open: number }): Promise<void> {
    socket.on("error", () => {});
    const isFull = gate.open >= CONNECTIONS_PER_PORT || this.#budget.connections >= CONNECTIONS_PER_WORKSPACE;
    if (isFull || this.#closed.signal.aborted) return void socket.destroy();
    gate.open += 1;
    this.#budget.connections += 1;
    const broken = new AbortController();
    const stop = () => broken.abort();
    socket.once("close", stop);
    socket.setTimeout(this.#idle_ms, stop);
    socket.once("end", () => void socket.setTimeout(Math.min(this.#idle_ms, ENDED_IDLE_MS)));
    const signal = AbortSignal.any([broken.signal, this.#closed.signal]);
    try {
      await this.#forward(guest_port, socket, signal);
      // The client may not have taken everything yet.
      await aborted(signal);
    } catch {
      // Whoever connected sees it break off, as with any server.
    } finally {
      gate.open -= 1;
      this.#budget.connections -= 1;
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Says whose the port is, where that can be seen. */
function taken(host_port: number): PyroError {
  const holder = holderOfPort(host_port);
  const whose = holder === undefined ? "another process" : `process ${holder.pid} (${holder.name})`;
  return new PyroError("port_taken", `Port ${host_port} of this machine is listened on by ${whose}`, {
    details: { host_port, ...(holder && { pid: holder.pid, process_name: holder.name }) },
  });
}
