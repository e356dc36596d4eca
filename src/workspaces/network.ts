/** What this version knows of a guest's network: nothing. */
import { PyroError } from "../contract/errors.ts";

/** Raises `not_available` where a network is asked for. */
export function requireNoNetwork({ network }: { readonly network: boolean }): void {
  if (!network) return;
  throw new PyroError("not_available", "Network egress is not part of this version of pyro", {
    hint: "Leave --network and --network-policy out",
  });
}
