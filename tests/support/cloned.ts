/** A clone as a test looks at it: its entries with their contents, what is said of it, and a checkout made of it. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { openRepository } from "../../src/workspaces/repository/repo-seed.ts";
import type { GitServer } from "./git-server.ts";
import { collect } from "./tree-oracle.ts";

export interface CloneOptions {
  readonly ref?: string;
  readonly url?: string;
  readonly allow_private?: boolean;
  readonly signal?: AbortSignal;
  readonly around?: Parameters<GitServer["surroundings"]>[0];
}

/** Clones a repository of a server. */
export async function cloned(server: GitServer, repository: string, options: CloneOptions = {}) {
  const { ref = null, url = server.url(repository), allow_private = false, around } = options;
  const events: OperationEvent[] = [];
  const context = {
    signal: options.signal ?? new AbortController().signal,
    emit: (event: OperationEvent) => void events.push(event),
  };
  const source = await openRepository({ url, ref, allow_private }, server.surroundings(around), context);
  const entries = await collect(source.entries);
  return { entries, events, paths: entries.map(({ path }) => path), ...source.summary() };
}

type Cloned = Awaited<ReturnType<typeof cloned>>;

/** Writes a clone's entries to a directory, which a guest would have, and gives what git says in it. */
export function checkoutOf(below: string, { entries }: Cloned): (...args: readonly string[]) => string {
  const directory = mkdtempSync(join(below, "checkout-"));
  for (const { path, kind, mode, link_target, text } of entries) {
    const to = join(directory, path);
    if (kind === "directory") mkdirSync(to);
    else if (kind === "symlink") symlinkSync(link_target ?? "", to);
    else writeFileSync(to, Buffer.from(text, "latin1"));
    if (kind !== "symlink") chmodSync(to, mode | 0o200);
  }
  const env = { PATH: process.env["PATH"] ?? "", GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
  return (...args) => execFileSync("git", args, { cwd: directory, encoding: "utf8", env }).trim();
}
