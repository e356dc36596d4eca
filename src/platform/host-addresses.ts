/** Every address that is this machine's own, as the kernel has it at the moment. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";

/** Addresses of all interfaces, also of those that are not in use, in any order and perhaps twice. */
export function hostAddresses(): string[] {
  const shown = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  return [...shown, ...localRoutes(text("/proc/net/fib_trie")), ...interfaceAddresses(text("/proc/net/if_inet6"))];
}

/** IPv4 addresses that the kernel's table of routes calls local. */
export function localRoutes(table: string): string[] {
  const found: string[] = [];
  let leaf = "";
  for (const line of table.split("\n")) {
    leaf = /\|-- (\S+)/.exec(line)?.[1] ?? leaf;
    if (line.includes("/32 host LOCAL")) found.push(leaf);
  }
  return found;
}

/** IPv6 addresses of the kernel's table, each with all of its groups. */
export function interfaceAddresses(table: string): string[] {
  return table.split("\n").flatMap((line) => {
    const digits = /^([0-9a-f]{32}) /.exec(line)?.[1];
    return digits === undefined ? [] : [(digits.match(/.{4}/g) ?? []).join(":")];
  });
}

/** Empty where the kernel has no such table. */
function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
