/** Addresses of a public name, asked of the name servers alone: this machine's own files and search lists have no say. */
import { Resolver } from "node:dns/promises";

/** Patience with one name server, in milliseconds, and times that each is asked. */
const TIMEOUT_MS = 3000;
const TRIES = 2;

/** Every address of both families, in their order; rejects where there is none. */
export async function lookupAddresses(name: string, signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const [six, four] = await Promise.allSettled([resolver.resolve6(name), resolver.resolve4(name)]);
    const found = [six, four].flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (found.length > 0) return found;
    throw four.status === "rejected" ? four.reason : new Error(`"${name}" has no address`);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
