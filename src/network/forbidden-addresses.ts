/** Addresses that no guest reaches, whatever its rules say: what is not the public network, and this machine itself. */
import { type IpAddress, mappedV4, readAddress, sameAddress } from "./ip-address.ts";

interface Range {
  readonly text: string;
  readonly base: IpAddress;
  readonly bits: number;
  readonly what: string;
}

/** Bits before the IPv4 address in one that is mapped. */
const MAPPED_BITS = 96;

/** Ranges that are refused whole (docs/design/egress-gate.md). */
const rows: readonly (readonly [range: string, what: string])[] = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared by a carrier's customers"],
  ["100.100.100.200/32", "a cloud's metadata"],
  ["127.0.0.0/8", "loopback"],
  ["168.63.129.16/32", "a cloud's metadata"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "protocol assignments"],
  ["192.0.2.0/24", "documentation"],
  ["192.88.99.0/24", "relays of 6to4"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "benchmarks"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved"],
  ["255.255.255.255/32", "broadcast"],
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["::/96", "IPv4-compatible"],
  ["64:ff9b:1::/48", "local NAT64"],
  ["100::/64", "discarded"],
  ["2001::/23", "protocol assignments and Teredo"],
  ["2001:db8::/32", "documentation"],
  ["3fff::/20", "documentation"],
  ["fc00::/7", "private"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "site-local"],
  ["ff00::/8", "multicast"],
];

/** Ranges whose addresses carry an IPv4 one, which is judged for them: the byte at which it begins. */
const carriers: readonly { readonly range: Range; readonly at: number }[] = [
  { range: rangeOf("64:ff9b::/96", "NAT64"), at: 12 },
  { range: rangeOf("2002::/16", "6to4"), at: 2 },
];

const ranges = rows.map(([text, what]) => rangeOf(text, what));
/** The public part of IPv6 that is given out; all else of it is refused without a row of its own. */
const globalUnicast = rangeOf("2000::/3", "public");
const mapped = rangeOf("::ffff:0:0/96", "IPv4");

/** The ranges, for the test that tries each. */
export const forbiddenRanges: readonly string[] = rows.map(([text]) => text);

/** Why an address is not to be reached; undefined where it may be. `own` are the addresses of this machine. */
export function forbiddenReason(address: IpAddress, own: readonly IpAddress[]): string | undefined {
  if (own.some((one) => sameAddress(one, address))) return "this machine";
  const found = ranges.find((range) => isWithin(address, range));
  if (found !== undefined) return found.what;
  const carrier = carriers.find(({ range }) => isWithin(address, range));
  if (carrier !== undefined) return forbiddenReason(mappedV4([...address.subarray(carrier.at, carrier.at + 4)]), own);
  return isWithin(address, mapped) || isWithin(address, globalUnicast) ? undefined : "not public";
}

function isWithin(address: IpAddress, { base, bits }: Range): boolean {
  const whole = bits >> 3;
  for (let at = 0; at < whole; at += 1) if (address[at] !== base[at]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole] ?? 0) >> (8 - rest) === (base[whole] ?? 0) >> (8 - rest);
}

function rangeOf(text: string, what: string): Range {
  const [name = "", length = ""] = text.split("/");
  const base = readAddress(name);
  if (base === undefined) throw new Error(`"${text}" is no range`);
  return { text, base, bits: Number(length) + (name.includes(":") ? 0 : MAPPED_BITS), what };
}
