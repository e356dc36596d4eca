/** Where a registry may lead: to the public network, and to its own kind of private one; never elsewhere. */
import { readAddress } from "../../network/ip-address.ts";
import { type Reach, reachOf } from "../../network/reach.ts";

/** Whether a server of that reach may send us there. */
export function mayLeadTo(from: Reach, to: Reach): boolean {
  if (to === "private") return from === "private" || from === "own";
  return to === "public" || (to === "own" && from === "own");
}

/** The address that a host is in itself, or that its name always has; undefined for a name that has to be looked up. */
export function literalAddress(host: string): string | undefined {
  if (host === "localhost" || host.endsWith(".localhost")) return "127.0.0.1";
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return readAddress(bare) === undefined ? undefined : bare;
}

/** Whether a host is this machine by its name alone: only such a one is spoken to without TLS unless a person says so. */
export function isLoopbackHost(host: string): boolean {
  const address = literalAddress(host);
  return address !== undefined && reachOf(address, []) === "own";
}
