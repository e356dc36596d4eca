/** Where a registry may lead: to the public network, and to its own kind of private one; never elsewhere. */
import { forbiddenReason } from "../../network/forbidden-addresses.ts";
import { type IpAddress, readAddress, sameAddress } from "../../network/ip-address.ts";

/** How far away an address is: anywhere, in a private network, or this machine; `forbidden` are those that nobody is sent to. */
export type Reach = "public" | "private" | "own" | "forbidden";

const reaches: Readonly<Record<string, Reach>> = {
  "this machine": "own",
  loopback: "own",
  private: "private",
  "shared by a carrier's customers": "private",
};

/** Where clouds keep what only this machine is to know, within ranges that are private otherwise. */
const metadata = addressesOf(["100.100.100.200", "fd00:ec2::254"]);

/** The reach of an address; `own` are the addresses of this machine. */
export function reachOf(address: string, own: readonly string[]): Reach {
  const read = readAddress(address);
  if (read === undefined || metadata.some((one) => sameAddress(one, read))) return "forbidden";
  const reason = forbiddenReason(read, addressesOf(own));
  return reason === undefined ? "public" : (reaches[reason] ?? "forbidden");
}

function addressesOf(texts: readonly string[]): IpAddress[] {
  return texts.flatMap((text) => readAddress(text.replace(/%.*$/, "")) ?? []);
}

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
