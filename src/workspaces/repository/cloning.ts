/** What of this machine clones use: its own network and the certificates that it trusts. */
import { hostSurroundings } from "../../network/host-surroundings.ts";
import type { CloneSurroundings } from "./repo-host.ts";

export const cloning: CloneSurroundings = { network: hostSurroundings };
