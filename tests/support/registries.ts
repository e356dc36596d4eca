/** The package registries that this host is set to use, whether it reaches them, and a network that leads a guest's gate to them. */
import { execFile } from "node:child_process";
import { lookup } from "node:dns/promises";
import { existsSync, readFileSync } from "node:fs";
import { promisify } from "node:util";
import type { GateSurroundings } from "../../src/network/egress-gate.ts";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";

const run = promisify(execFile);
const REACH_SECONDS = "20";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Package that each registry of its kind has, and that needs nothing else. */
export const PYTHON_PACKAGE = "six";
export const NODE_PACKAGE = "is-number";

/** One that can be used from a guest, or why it cannot. */
export type Found<T> =
  | (T & { readonly hosts: readonly string[]; readonly missing?: never })
  | { readonly missing: string };

/** Where Debian 12 comes from, by apt's own account of its sources. */
export async function aptRegistry(): Promise<Found<{ readonly sources: string }>> {
  return found(async () => {
    if ((await said("apt-config", "shell", "proxy", "Acquire::http::Proxy")) !== "")
      throw new Error("apt goes by a proxy here");
    const targets = await said("apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages");
    const lines = [...new Set(targets.split("\n"))].filter((line) => line.startsWith("bookworm"));
    if (lines.length === 0) throw new Error("apt is not set to use Debian 12 here");
    const sources = lines.map((line) => line.split(" ") as [string, string]);
    for (const [suite, url] of sources) await reach(`${url}dists/${suite}/InRelease`);
    const text = sources.map(([suite, url]) => `deb ${url} ${suite} main\n`).join("");
    return { sources: text, hosts: hostsOf(sources.map(([, url]) => url)) };
  });
}

/** Where npm's packages come from, with the address of npm itself. */
export async function npmRegistry(): Promise<Found<{ readonly url: string; readonly npm: string }>> {
  return found(async () => {
    const proxies = [await said("npm", "config", "get", "proxy"), await said("npm", "config", "get", "https-proxy")];
    if (proxies.some((proxy) => proxy !== "null")) throw new Error("npm goes by a proxy here");
    const url = (await said("npm", "config", "get", "registry")).replace(/\/*$/, "/");
    // The newest that runs on the Node of Debian 12.
    const npm = tarballOf(await reach(`${url}npm/10.9.0`));
    const other = tarballOf(await reach(`${url}${NODE_PACKAGE}/latest`));
    return { url, npm, hosts: hostsOf([url, npm, other]) };
  });
}

function tarballOf(document: string): string {
  return (JSON.parse(document) as { dist: { tarball: string } }).dist.tarball;
}

/** Where pip's packages come from. */
export async function pipRegistry(): Promise<Found<{ readonly url: string }>> {
  return found(async () => {
    const set = await said("pip", "config", "get", "global.index-url").catch(() => "");
    const url = (set === "" ? "https://pypi.org/simple" : set).replace(/\/*$/, "/");
    const page = await reach(`${url}${PYTHON_PACKAGE}/`);
    const links = [...page.matchAll(/href="([^"#]+)/g)].map(
      ([, link]) => new URL(link ?? "", `${url}${PYTHON_PACKAGE}/`),
    );
    return { url, hosts: hostsOf([url, ...links.map(({ href }) => href)]) };
  });
}

/** The certificates that this host trusts, which a registry's may be signed by; public, all of them. */
export function trusted(): string | undefined {
  const path = process.env["SSL_CERT_FILE"] ?? CERTIFICATES;
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

/** Leads names to the addresses that they have for this host, whatever those are: a registry may be a mirror in a private network. */
export function leadingTo(hosts: () => readonly string[]): GateSurroundings {
  const stand_in = (host: string) => `8.8.${hosts().indexOf(host)}.8`;
  return {
    lookup: async (name) => (hosts().includes(name) ? [stand_in(name)] : []),
    connect: async (address, port, signal) => {
      const host = hosts().find((one) => stand_in(one) === address) ?? "";
      const { socket } = await connectToAddress((await lookup(host)).address, port, signal);
      return { socket, peer: address };
    },
    ownAddresses: () => [],
  };
}

async function found<T extends { readonly hosts: readonly string[] }>(look: () => Promise<T>): Promise<Found<T>> {
  try {
    return await look();
  } catch (thrown) {
    return { missing: String(thrown instanceof Error ? thrown.message : thrown).split("\n")[0] ?? "" };
  }
}

/** Throws where one carries a name or a password, which no guest is to see. */
function hostsOf(urls: readonly string[]): string[] {
  const parsed = urls.map((url) => new URL(url));
  if (parsed.some(({ username, password }) => username !== "" || password !== ""))
    throw new Error("it asks for a password");
  return [...new Set(parsed.map(({ hostname }) => hostname))];
}

async function reach(url: string): Promise<string> {
  hostsOf([url]);
  return said("curl", "--silent", "--show-error", "--fail", "--location", "--max-time", REACH_SECONDS, url);
}

async function said(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { maxBuffer: 64 * 1_048_576 });
  return stdout.trim();
}
