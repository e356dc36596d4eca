/** What of this machine the registry client uses: its names, its way out, its own addresses, its clock. */
import { setTimeout as delay } from "node:timers/promises";
import { hostAddresses } from "../../platform/host-addresses.ts";
import { lookupOnHost } from "../../platform/host-lookup.ts";
import { connectToAddress, type OutboundConnection } from "../../platform/outbound-connection.ts";

export interface RegistrySurroundings {
  lookup(name: string): Promise<string[]>;
  connect(address: string, port: number, signal: AbortSignal): Promise<OutboundConnection>;
  ownAddresses(): string[];
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Milliseconds on a clock that only goes forward */
  clock(): number;
  /** Between 0 and 1 */
  chance(): number;
  /** Certificate that is trusted beside the usual ones */
  readonly ca?: string;
}

export const hostSurroundings: RegistrySurroundings = {
  lookup: lookupOnHost,
  connect: connectToAddress,
  ownAddresses: hostAddresses,
  wait: async (ms, signal) => {
    await delay(ms, undefined, { signal });
  },
  clock: () => performance.now(),
  chance: Math.random,
};
