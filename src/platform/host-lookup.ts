/** Addresses of a name as every program of this machine finds them, its hosts file included. */
import { lookup } from "node:dns/promises";

/** All of them, in the order in which they are to be tried; rejects where there is none. */
export async function lookupOnHost(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}
