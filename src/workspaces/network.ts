/** What this version knows of a guest's network: ports that are published, and no way out. */
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";

/** Raises `not_available` where a network is asked for. */
export function requireNoNetwork({ network }: { readonly network: boolean }): void {
  if (!network) return;
  throw new PyroError("not_available", "Network egress is not part of this version of pyro", {
    hint: "Leave --network and --network-policy out",
  });
}

/** Raises `not_available` for a policy without ports; says of one with ports what it does not give. */
export async function requirePolicy(policy: WorkspaceRecord["network_policy"], emit: Emit): Promise<void> {
  requireNoNetwork({ network: policy === "egress" });
  if (policy === "off") return;
  const message =
    "Network egress is not part of this version of pyro: ports can be published, the guest reaches nothing";
  await emit({ type: "warning", message });
}
