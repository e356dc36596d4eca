/** What may stand in for this machine's own networks: tests bring theirs. */
import type { GateSurroundings } from "../../network/egress-gate.ts";
import type { CloneSurroundings } from "../repository/repo-host.ts";

export interface HostNetworks {
  /** What the gates of guests use in place of this machine's own network */
  readonly surroundings?: GateSurroundings;
  /** What clones use in place of this machine's own network and certificates */
  readonly cloning?: CloneSurroundings;
}
