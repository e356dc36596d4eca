/** How far away an address is, for programs of this machine that a stranger's word leads somewhere: registries, repositories. */
import { forbiddenReason } from "./forbidden-addresses.ts";
import { type IpAddress, readAddress, sameAddress } from "./ip-address.ts";

/** Anywhere, in a private network, or this machine; `forbidden` are those that nobody is sent to. */
export type Reach = "public" | "private" | "own" | "forbidden";

export interface Judgement {
  readonly reach: Reach;
  /** What the address is; undefined for a public one */
  readonly reason: string | undefined;
}

const reaches: Readonly<Record<string, Reach>> = {
  "this machine": "own",
  loopback: "own",
  private: "private",
  "site-local": "private",
  "shared by a carrier's customers": "private",
};

/** Where clouds keep what only this machine is to know, within ranges that are private otherwise. */
const metadata = addressesOf(["100.100.100.200", "fd00:ec2::254", "fd20:ce::254"]);

/** Judges an address; `own` are those of this machine. */
export function judge(address: IpAddress, own: readonly string[]): Judgement {
  if (metadata.some((one) => sameAddress(one, address))) return { reach: "forbidden", reason: "a cloud's metadata" };
  const reason = forbiddenReason(address, addressesOf(own));
  return { reach: reason === undefined ? "public" : (reaches[reason] ?? "forbidden"), reason };
}

/** The reach of what is written as an address; what cannot be read is forbidden. */
export function reachOf(address: string, own: readonly string[]): Reach {
  const read = readAddress(address);
  return read === undefined ? "forbidden" : judge(read, own).reach;
}

function addressesOf(texts: readonly string[]): IpAddress[] {
  return texts.flatMap((text) => readAddress(text.replace(/%.*$/, "")) ?? []);
}
