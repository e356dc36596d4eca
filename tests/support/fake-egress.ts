/** The guest's side of egress as far as a fake machine has none: what a program would ask for is asked by the test. */
import type { GateSurroundings } from "../../src/network/egress-gate.ts";
import type { AgentClient } from "../../src/wire/client.ts";
import type { EgressHandlers } from "../../src/wire/egress-stream.ts";
import type { MachineSource } from "../../src/workspaces/machine-source.ts";

interface Served {
  readonly handlers: EgressHandlers;
  readonly signal: AbortSignal;
  /** Ends it from the guest's side */
  readonly breakOff: (error: Error) => void;
}

export class FakeEgress {
  /** The machines that have had egress, oldest first */
  readonly served: Served[] = [];

  /** The machine that was started last. */
  get last(): Served {
    const last = this.served.at(-1);
    if (last === undefined) throw new Error("no machine has egress");
    return last;
  }

  readonly #serve: AgentClient["egress"] = (handlers, signal) =>
    new Promise((_, reject) => {
      this.served.push({ handlers, signal, breakOff: reject });
      signal.addEventListener("abort", () => reject(new Error("the host ended it")), { once: true });
      handlers.ready?.();
    });

  /** A source whose machines have this egress. */
  over(source: MachineSource): MachineSource {
    return {
      ...source,
      open: async (request, context) => ({ ...(await source.open(request, context)), egress: this.#serve }),
    };
  }
}

/** A network of the test's own: what names stand for, and how connections are made. */
export function fakeSurroundings(
  names: Readonly<Record<string, readonly string[]>>,
  connect: GateSurroundings["connect"],
): GateSurroundings & { readonly asked: string[] } {
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    return names[name] ?? [];
  };
  return { asked, lookup, connect, ownAddresses: () => [] };
}
