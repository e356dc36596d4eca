/** What network a guest may have, and where it may have one. */
import { PyroError } from "../contract/errors.ts";
import { type EgressPolicy, egressRules } from "../network/egress-rules.ts";

/** Throws `invalid_input` for rules that are none, and `not_available` where a cage is to have a network. */
export function requirePolicy(policy: EgressPolicy, is_host_compat: boolean): void {
  egressRules(policy);
  if (policy.network_policy === "off" || !is_host_compat) return;
  throw new PyroError("not_available", "A cage on the host's own kernel has no gate, and so no network", {
    hint: "Leave --allow-host-compat out, or the network",
  });
}

/** The network of a machine for one command: every public name, or nothing. */
export function oneShotPolicy({ network }: { readonly network: boolean }): EgressPolicy {
  return { network_policy: network ? "egress" : "off", allow_egress: [] };
}
