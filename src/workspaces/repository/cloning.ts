/** What of this machine clones use: its own network and the certificates that it trusts. */
import { hostAddresses } from "../../platform/host-addresses.ts";
import { lookupAddresses } from "../../platform/name-lookup.ts";
import { connectToAddress } from "../../platform/outbound-connection.ts";
import type { CloneSurroundings } from "./repo-host.ts";

export const cloning: CloneSurroundings = {
  network: { lookup: lookupAddresses, connect: connectToAddress, ownAddresses: hostAddresses },
};
