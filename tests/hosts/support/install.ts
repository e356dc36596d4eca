/** Real chat hosts from npm, in pinned versions, kept outside of the checkout. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ChatHost } from "./chat-hosts.ts";

/** Where a host is, or why there is none. */
export type Installed = { readonly program: string } | { readonly reason: string };

/** What one host takes on the disk, with room to unpack it, in bytes. */
const NEEDED_BYTES = 2 * 1024 ** 3;
const INSTALL_MS = 300_000;

/** Installs a host where it is not there yet. Which one it is lies in the directory's name, so that a new version is a new directory. */
export async function installed(host: ChatHost): Promise<Installed> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pyro-tests");
  const directory = join(cache, `hosts-${host.package.replace(/\W+/g, "-").replace(/^-/, "")}-${host.version}`);
  const program = join(directory, "node_modules", host.program);
  if (!existsSync(program)) {
    const reason = await install(host, cache, directory);
    if (reason !== undefined) return missing(host, reason);
  }
  return existsSync(program) ? { program } : missing(host, `its package has no ${host.program}`);
}

function missing(host: ChatHost, problem: string): Installed {
  const reason = `${host.package}@${host.version} is not installed: ${problem}`;
  if (process.env["PYRO_TEST_HOSTS"] === "1") throw new Error(reason);
  process.stderr.write(`skipped: ${host.name}: ${reason}\n`);
  return { reason };
}

/** Complete or not at all. Their scripts are not run: the programs work without. */
async function install(host: ChatHost, cache: string, directory: string): Promise<string | undefined> {
  mkdirSync(cache, { recursive: true });
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize < NEEDED_BYTES) return `${cache} has less than ${NEEDED_BYTES / 1024 ** 3} GiB free`;
  const staging = mkdtempSync(`${directory}.`);
  try {
    writeFileSync(join(staging, "package.json"), '{"private":true}\n');
    const spec = `${host.package}@${host.version}`;
    const args = ["install", "--ignore-scripts", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", spec];
    await promisify(execFile)("npm", args, { cwd: staging, timeout: INSTALL_MS });
    renameSync(staging, directory);
    return undefined;
  } catch (thrown) {
    return existsSync(directory) ? undefined : String(thrown).trim().split("\n").slice(0, 3).join("; ");
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}
