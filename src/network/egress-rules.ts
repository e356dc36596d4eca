/** The rules of a workspace's egress: which names, addresses and ports its guest may connect to. */
import { PyroError } from "../contract/errors.ts";
import { readHost } from "./host-name.ts";
import { type IpAddress, readAddress, sameAddress } from "./ip-address.ts";

/** Ports of a rule that names none. */
const DEFAULT_PORTS: readonly number[] = [443, 80];
/** Rules of one workspace, and characters of one (docs/design/limits.md). */
export const MAX_RULES = 256;
const MAX_RULE_CHARS = 300;
const MAX_PORT = 65_535;

/** One rule; `text` is what it was given as. */
export interface EgressRule {
  readonly text: string;
  readonly ports: readonly number[];
  readonly target:
    | { readonly kind: "name"; readonly name: string }
    /** Every name below it, at any depth, and not the name itself */
    | { readonly kind: "below"; readonly name: string }
    | { readonly kind: "address"; readonly address: IpAddress };
}

/** What a guest may connect to: nothing, every public name, or what is listed. */
export type EgressRules =
  | { readonly kind: "off" }
  | { readonly kind: "public" }
  | { readonly kind: "listed"; readonly rules: readonly EgressRule[] };

/** The network of a workspace, as its record has it. */
export interface EgressPolicy {
  readonly network_policy: "off" | "egress" | "egress+published-ports";
  /** Empty where every public name is allowed */
  readonly allow_egress: readonly string[];
}

/** The rules of a policy. Throws `invalid_input`. */
export function egressRules({ network_policy, allow_egress }: EgressPolicy): EgressRules {
  if (allow_egress.length > MAX_RULES)
    throw new PyroError("invalid_input", `${allow_egress.length} rules of egress are more than ${MAX_RULES}`);
  const rules = allow_egress.map(egressRule);
  if (network_policy !== "off") return rules.length === 0 ? { kind: "public" } : { kind: "listed", rules };
  if (rules.length === 0) return { kind: "off" };
  throw new PyroError("invalid_input", "A network policy that is off has no rules of egress", {
    hint: "Add --network-policy egress, or leave --allow-egress out",
  });
}

/** Reads `HOST`, `*.HOST`, `A.B.C.D` or `[V6]`, each with `:PORT` or without. Throws `invalid_input`. */
export function egressRule(text: string): EgressRule {
  if (text === "") throw unusable(text, "is empty");
  if (text.length > MAX_RULE_CHARS) throw unusable(text, `has more than ${MAX_RULE_CHARS} characters`);
  if (/[^\x21-\x7e]/.test(text)) throw unusable(text, "has a character that is no printable ASCII");
  if (text.includes("/")) throw unusable(text, "is a path or a range of addresses, which are no rules");
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(text) ?? [];
  if (host === "") throw unusable(text, "has no host, or an IPv6 address without brackets");
  return { text, ports: port === undefined ? DEFAULT_PORTS : [portOf(text, port)], target: targetOf(text, host) };
}

function portOf(text: string, port: string): number {
  const number = /^[1-9]\d{0,4}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > MAX_PORT) throw unusable(text, `has a port that is not from 1 to ${MAX_PORT}`);
  return number;
}

function targetOf(text: string, host: string): EgressRule["target"] {
  const is_wildcard = host.startsWith("*.");
  const read = readHost(is_wildcard ? host.slice(2) : host);
  if (read === undefined || host.startsWith("[*")) throw unusable(text, "is no name of a host");
  if (read.kind === "name") {
    if (is_wildcard && !read.name.includes("."))
      throw unusable(text, "would allow all names of a whole top level domain");
    return { kind: is_wildcard ? "below" : "name", name: read.name };
  }
  const plain = host.startsWith("[") ? host.slice(1, -1) : host;
  const address = readAddress(plain);
  if (is_wildcard || address === undefined || host.startsWith("[") !== plain.includes(":"))
    throw unusable(text, "has an address in a spelling other than A.B.C.D or [V6]");
  return { kind: "address", address };
}

/** The rules for a name, whatever their ports; the exact ones first. */
export function rulesForName(rules: readonly EgressRule[], name: string): EgressRule[] {
  const exact = rules.filter(({ target }) => target.kind === "name" && target.name === name);
  const below = rules.filter(({ target }) => target.kind === "below" && name.endsWith(`.${target.name}`));
  return [...exact, ...below];
}

/** The rules for an address, whatever their ports. */
export function rulesForAddress(rules: readonly EgressRule[], address: IpAddress): EgressRule[] {
  return rules.filter(({ target }) => target.kind === "address" && sameAddress(target.address, address));
}

function unusable(text: string, problem: string): PyroError {
  const shown = JSON.stringify(text.slice(0, 64)).slice(1, -1);
  return new PyroError("invalid_input", `The rule of egress "${shown}" ${problem}`, {
    hint: "Give --allow-egress example.com, '*.example.com' or example.com:8443",
  });
}
