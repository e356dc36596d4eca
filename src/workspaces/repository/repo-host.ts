/** The way to a repository's host: looked up once, judged, and connected to by address alone. */
import { PyroError } from "../../contract/errors.ts";
import type { TreeLimits } from "../../contract/tree-check.ts";
import type { GateSurroundings } from "../../network/egress-gate.ts";
import { firstConnection } from "../../network/first-connection.ts";
import { type IpAddress, readAddress, sameAddress, showAddress } from "../../network/ip-address.ts";
import { judge } from "../../network/reach.ts";
import { withDeadline } from "../../platform/deadline.ts";
import type { connectToAddress, OutboundConnection } from "../../platform/outbound-connection.ts";
import type { CloneLimits } from "./limits.ts";
import type { RepoUrl } from "./repo-url.ts";

/** Time after which the next address is tried beside the others, in milliseconds. */
const STAGGER_MS = 250;
/** What of this machine a clone uses. */
export interface CloneSurroundings {
  readonly network: Pick<GateSurroundings, "lookup" | "ownAddresses"> & { readonly connect: typeof connectToAddress };
  /** Certificates that are trusted in place of this machine's */
  readonly ca?: string;
  readonly limits?: Partial<CloneLimits>;
  /** Most that the tree of a commit may hold, where that is not what every seed may */
  readonly tree?: TreeLimits;
}

export interface ReachOptions {
  readonly around: CloneSurroundings;
  readonly limits: CloneLimits;
  /** Private networks and this machine are permitted */
  readonly allow_private: boolean;
  readonly signal: AbortSignal;
}

/** A host whose addresses are known and may be reached. */
export class RepoHost {
  readonly #url: RepoUrl;
  readonly #addresses: readonly IpAddress[];
  readonly #options: ReachOptions;

  private constructor(url: RepoUrl, addresses: readonly IpAddress[], options: ReachOptions) {
    this.#url = url;
    this.#addresses = addresses;
    this.#options = options;
  }

  /** Looks the host up, once for the whole clone; raises `repo_address_forbidden` or `repo_unreachable`. */
  static async find(url: RepoUrl, options: ReachOptions): Promise<RepoHost> {
    const found = url.host.kind === "address" ? [showAddress(url.host.address)] : await lookUp(url, options);
    const addresses = found.map(readAddress).filter((address) => address !== undefined);
    if (addresses.length < found.length || addresses.length === 0)
      throw unreachable(url, "its name servers answer with what is no address");
    // One that may not be reached spoils all of them.
    for (const address of addresses) refuseForbidden(url, address, options);
    return new RepoHost(url, addresses, options);
  }

  /** A connection to one of the addresses. */
  async connect(): Promise<OutboundConnection["socket"]> {
    const { around, limits, signal: given_up } = this.#options;
    try {
      const { socket, peer } = await withDeadline(limits.connect_ms, given_up, (signal) =>
        firstConnection(this.#addresses.map(showAddress), {
          attempt: (address, ended) => around.network.connect(address, this.#url.port, ended),
          discard: ({ socket: late }) => void late.on("error", () => {}).destroy(),
          stagger_ms: STAGGER_MS,
          signal,
        }),
      );
      const got = readAddress(peer);
      if (got !== undefined && this.#addresses.some((address) => sameAddress(address, got))) return socket;
      socket.on("error", () => {}).destroy();
      throw new Error("another address answered");
    } catch (thrown) {
      throw unreachable(this.#url, reasonOf(thrown), given_up);
    }
  }
}

async function lookUp(url: RepoUrl, { around, limits, signal: given_up }: ReachOptions): Promise<readonly string[]> {
  try {
    return await withDeadline(limits.lookup_ms, given_up, (signal) => around.network.lookup(url.host.name, signal));
  } catch (thrown) {
    throw unreachable(url, `no address was found: ${reasonOf(thrown)}`, given_up);
  }
}

function refuseForbidden(url: RepoUrl, address: IpAddress, { around, allow_private }: ReachOptions): void {
  const { reach, reason } = judge(address, around.network.ownAddresses());
  const canBePermitted = reach !== "forbidden";
  if (reach === "public" || (canBePermitted && allow_private)) return;
  const shown = showAddress(address);
  const where = url.host.name === shown ? `"${shown}"` : `"${url.host.name}" leads to ${shown}, which`;
  throw new PyroError("repo_address_forbidden", `${where} is not on the public network: ${reason}`, {
    ...(canBePermitted ? {} : { hint: "No flag permits this address: clone the repository yourself" }),
    details: { host: url.host.name, address: shown, reason },
  });
}

/** A failure to reach the host as `repo_unreachable`, or as `cancelled` where the caller gave up. */
export function unreachable(url: RepoUrl, reason: string, given_up?: AbortSignal): PyroError {
  if (given_up?.aborted) return cloneEnded(given_up);
  return new PyroError("repo_unreachable", `cannot reach ${url.shown}: ${reason}`, {
    details: { url: url.shown, reason },
  });
}

/** Why a clone whose signal has ended it is over. */
export function cloneEnded(signal: AbortSignal): PyroError {
  const { reason } = signal;
  if (reason instanceof PyroError) return reason;
  return new PyroError("cancelled", "cancelled while the repository was cloned");
}

/** What went wrong, in the kernel's or the resolver's own words. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === "TimeoutError") return "no answer in time";
  return thrown instanceof Error ? thrown.message : String(thrown);
}
