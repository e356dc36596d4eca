/** What of this machine the gates of its guests use: its name servers, its way to the public network, and its own addresses. */
import { hostAddresses } from "../platform/host-addresses.ts";
import { lookupAddresses } from "../platform/name-lookup.ts";
import { connectToAddress } from "../platform/outbound-connection.ts";
import type { GateSurroundings } from "./egress-gate.ts";

export const hostSurroundings: GateSurroundings = {
  lookup: lookupAddresses,
  connect: connectToAddress,
  ownAddresses: hostAddresses,
};
