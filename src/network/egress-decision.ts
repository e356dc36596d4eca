/** What is decided of a connection before anything is looked up: by its host, its port and the rules alone. */
import { type EgressRule, type EgressRules, rulesForAddress, rulesForName } from "./egress-rules.ts";
import { type Host, readHost, showHost } from "./host-name.ts";

/** Why a connection was denied. */
export const denialRules = [
  "network_off",
  "bad_host",
  "not_listed",
  "port_not_listed",
  "address_not_listed",
  "forbidden_address",
  "resolved_to_private",
  "sni_mismatch",
  "too_many_connections",
  "too_many_names",
] as const;
export type DenialRule = (typeof denialRules)[number];

/** Why a connection that was allowed did not come about. */
const failureRules = ["lookup_failed", "connect_failed"] as const;
export type FailureRule = (typeof failureRules)[number];

/** The rule that allows where none is listed. */
export const PUBLIC = "public";

export interface Denied {
  readonly verdict: "denied";
  /** The host as it is called in records */
  readonly host: string;
  readonly rule: DenialRule;
  readonly hint: string;
}

export interface Allowed {
  readonly verdict: "allowed";
  readonly host: Host;
  /** The rule's text, or `public` */
  readonly rule: string;
  /** Whether the name stands under a rule for many */
  readonly is_below: boolean;
}

/** Characters that may stand for the star of a rule (docs/design/limits.md): more would be a message, not a name. */
export const MAX_STAR_CHARS = 100;

/** Decides on a lookup, which has no port yet: allowed where some port could be. */
export function decideName(rules: EgressRules, host: string): Allowed | Denied {
  return decide(rules, host, undefined);
}

/** Decides on a connection. */
export function decideConnection(rules: EgressRules, host: string, port: number): Allowed | Denied {
  return decide(rules, host, port);
}

function decide(rules: EgressRules, text: string, port: number | undefined): Allowed | Denied {
  const host = readHost(text);
  if (host === undefined) return denied(showHost(text), port, "bad_host");
  if (rules.kind === "off") return denied(host.name, port, "network_off");
  const of_host = rules.kind === "public" ? [] : rulesFor(rules.rules, host);
  // An underscore is in no name of a host, so that whoever wants one has to say so.
  if (host.kind === "name" && host.has_underscore && !of_host.some(({ target }) => target.kind === "name"))
    return denied(host.name, port, "bad_host");
  if (rules.kind === "public") {
    if (host.kind === "address") return denied(host.name, port, "address_not_listed");
    return { verdict: "allowed", host, rule: PUBLIC, is_below: false };
  }
  if (of_host.length === 0)
    return denied(host.name, port, host.kind === "address" ? "address_not_listed" : "not_listed");
  const rule = of_host.find(({ ports }) => port === undefined || ports.includes(port));
  if (rule === undefined) return denied(host.name, port, "port_not_listed");
  const is_below = rule.target.kind === "below";
  if (rule.target.kind === "below" && host.name.length - rule.target.name.length - 1 > MAX_STAR_CHARS)
    return denied(host.name, port, "not_listed");
  return { verdict: "allowed", host, rule: rule.text, is_below };
}

function rulesFor(rules: readonly EgressRule[], host: Host): EgressRule[] {
  return host.kind === "address" ? rulesForAddress(rules, host.address) : rulesForName(rules, host.name);
}

/** A denial with what to type about it. */
export function denied(host: string, port: number | null | undefined, rule: DenialRule): Denied {
  return { verdict: "denied", host, rule, hint: hints[rule](ruleOf(host, port ?? undefined)) };
}

const CREATE = "pyro workspace create … --network-policy egress";
const NEVER =
  "No rule allows this machine, private networks or metadata: bring the files in with pyro workspace sync push, or run the server in the workspace with pyro workspace service start";

const hints: Readonly<Record<DenialRule, (rule: string) => string>> = {
  network_off: (rule) => `${CREATE} --allow-egress ${rule}`,
  bad_host: () => `Use a plain name of a host: ${CREATE} --allow-egress example.com`,
  not_listed: (rule) => `${CREATE} --allow-egress ${rule}`,
  port_not_listed: (rule) => `${CREATE} --allow-egress ${rule}`,
  address_not_listed: (rule) => `Use the host's name, or list the address: ${CREATE} --allow-egress ${rule}`,
  forbidden_address: () => NEVER,
  resolved_to_private: () => NEVER,
  sni_mismatch: (rule) =>
    `Connect with TLS to the name that was asked for, or list the other one: ${CREATE} --allow-egress ${rule}`,
  too_many_connections: () => "Close connections first: pyro workspace network ID shows those that are open",
  too_many_names: (rule) => `List the name itself: ${CREATE} --allow-egress ${rule}`,
};

/** The rule that names exactly this. */
function ruleOf(host: string, port: number | undefined): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  return port === undefined || port === 443 || port === 80 ? shown : `${shown}:${port}`;
}
