/** Workspaces to measure, made and deleted, and the tree that they are seeded with. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pyro } from "../src/sdk/pyro.ts";
import type { BenchContext } from "./context.ts";

/** Files of the large seed, about the number and size that a project's dependencies have. */
export const SEED_FILES = 5_000;
const FILES_PER_DIRECTORY = 25;
/** Sizes in bytes, taken in turn: 10.5 KB on average, 50 MiB in all. */
const SIZES = [200, 1_000, 4_000, 12_000, 35_200] as const;
const LINE = "the quick brown fox jumps over the lazy dog and does so again\n";

/** One workspace in use. */
export interface BenchWorkspace {
  readonly pyro: Pyro;
  readonly workspace_id: string;
}

/** Makes a workspace, hands it over, and deletes it. */
export async function withWorkspace<T>(
  context: BenchContext,
  seed_path: string | undefined,
  use: (workspace: BenchWorkspace) => Promise<T>,
  more: { readonly network_policy?: "egress+published-ports" } = {},
): Promise<T> {
  const pyro = new Pyro();
  const { environment, signal } = context;
  const { workspace_id } = await pyro.createWorkspace(
    { environment, ttl_seconds: 3_600, ...more, ...(seed_path !== undefined && { seed_path }) },
    { signal },
  );
  try {
    return await use({ pyro, workspace_id });
  } finally {
    await pyro.deleteWorkspace({ workspace_id });
  }
}

/** Path of file number `at` in a seed. */
export function seedPath(at: number): string {
  return `package-${Math.floor(at / FILES_PER_DIRECTORY)}/file-${at}.js`;
}

/** Makes a directory of `count` files, gives it to `use`, and removes it. */
export async function withSeed<T>(
  context: BenchContext,
  count: number,
  use: (path: string, bytes: number) => Promise<T>,
): Promise<T> {
  const directory = join(context.scratch, `seed-${count}-${process.pid}`);
  let bytes = 0;
  try {
    for (let at = 0; at < count; at += 1) {
      const path = join(directory, seedPath(at));
      if (at % FILES_PER_DIRECTORY === 0) mkdirSync(join(path, ".."), { recursive: true });
      const size = SIZES[at % SIZES.length] ?? 0;
      const content = `${at} ${LINE.repeat(Math.ceil(size / LINE.length))}`.slice(0, size);
      bytes += content.length;
      writeFileSync(path, content);
    }
    return await use(directory, bytes);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
