/** The egress of one guest: its gate, open as long as its machine is, and what became of its connections. */
import { ConnectionBook, type ConnectionTotals, type ConnectionView } from "../network/connection-book.ts";
import { EgressGate, type GateSurroundings } from "../network/egress-gate.ts";
import { type EgressPolicy, egressRules } from "../network/egress-rules.ts";
import { hostSurroundings } from "../network/host-surroundings.ts";
import type { EgressHandlers } from "../wire/egress-stream.ts";

/** What of a machine in use its egress needs. */
export interface EgressSession {
  /** Resolves once programs can ask; `ended` when they cannot any more */
  egress(handlers: EgressHandlers, signal: AbortSignal): Promise<{ readonly ended: Promise<void> }>;
}

/** What is said of a guest's network. */
export interface NetworkView extends ConnectionTotals {
  readonly network_policy: EgressPolicy["network_policy"];
  /** Empty where every public name is allowed, or nothing is */
  readonly allow_egress: readonly string[];
  /** Whether the guest can ask for connections at the moment */
  readonly is_open: boolean;
  /** The newest, oldest first */
  readonly connections: readonly ConnectionView[];
}

export class Egress {
  readonly book = new ConnectionBook();
  readonly #policy: EgressPolicy;
  readonly #around: GateSurroundings;
  #granted: AbortController | undefined;

  constructor(policy: EgressPolicy, around: GateSurroundings = hostSurroundings) {
    this.#policy = policy;
    this.#around = around;
  }

  /** Opens the gate for a machine, where the policy has one; nothing is open where it throws. */
  async begin(session: EgressSession): Promise<void> {
    this.end();
    if (this.#policy.network_policy === "off") return;
    const granted = new AbortController();
    const gate = new EgressGate(egressRules(this.#policy), this.book, this.#around);
    granted.signal.addEventListener("abort", () => gate.close(), { once: true });
    this.#granted = granted;
    try {
      const handlers: EgressHandlers = {
        lookup: (name) => gate.lookup(name),
        open: (request, signal) => gate.open(request, signal),
      };
      const { ended } = await session.egress(handlers, granted.signal);
      // Whatever ends it on the guest's side ends it here: nothing goes out without the gate.
      void ended.then(() => granted.abort());
    } catch (thrown) {
      granted.abort();
      throw thrown;
    }
  }

  /** Breaks every connection off and takes the guest's side down. */
  end(): void {
    this.#granted?.abort();
    this.#granted = undefined;
  }

  view(): NetworkView {
    const { network_policy, allow_egress } = this.#policy;
    const is_open = this.#granted !== undefined && !this.#granted.signal.aborted;
    return { network_policy, allow_egress, is_open, ...this.book.totals(), connections: this.book.list() };
  }
}
