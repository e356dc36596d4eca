/** A place for one diff: the guest's tree, its baseline, a directory for git, and one where its patch is applied. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { SourceEntry } from "../../src/contract/tree.ts";
import type { AgentClient } from "../../src/wire/client.ts";
import type { Baseline } from "../../src/workspaces/baseline/baseline.ts";
import { type DiffRequest, diffTree, type TreeDiff } from "../../src/workspaces/diff/diff.ts";
import type { GuestTree } from "../../src/workspaces/guest-tree.ts";
import { type FileModel, fileNode, readModel, recordBaseline, writeModel } from "./file-model.ts";

/** A model of files with these contents. */
export function files(all: Readonly<Record<string, string | Buffer>>): FileModel {
  return new Map(Object.entries(all).map(([path, content]) => [path, fileNode(content)]));
}

export class DiffPlace {
  /** The guest's tree */
  readonly tree: string;
  readonly scratch: string;
  readonly #home: string;
  readonly #baselines: Baseline[] = [];

  constructor() {
    this.#home = realpathSync(mkdtempSync(join(tmpdir(), "pyro-diff-")));
    this.tree = join(this.#home, "tree");
    this.scratch = join(this.#home, "scratch");
    for (const path of [this.tree, this.scratch]) mkdirSync(path, { mode: 0o700 });
  }

  /** Removes it with all that is in it. */
  remove(): void {
    for (const baseline of this.#baselines) baseline.close();
    rmSync(this.#home, { recursive: true });
  }

  /** The tree for an agent. */
  guest(agent: AgentClient): GuestTree {
    return { agent, root: this.tree, deadline_ms: 10_000 };
  }

  async seed(entries: readonly SourceEntry[]): Promise<Baseline> {
    const directory = join(this.#home, "baseline");
    mkdirSync(directory, { mode: 0o700 });
    const baseline = await recordBaseline(directory, entries);
    this.#baselines.push(baseline);
    return baseline;
  }

  /** A diff that leaves nothing behind. */
  async diff(agent: AgentClient, baseline: Baseline | undefined, more: Partial<DiffRequest> = {}): Promise<TreeDiff> {
    const { signal } = new AbortController();
    const request = {
      tree: this.guest(agent),
      baseline,
      stamps: undefined,
      binary: true,
      scratch: this.scratch,
      signal,
    };
    const result = await diffTree({ ...request, ...more });
    expect(readdirSync(this.scratch)).toEqual([]);
    return result;
  }

  /** What `git apply` makes of a seed. */
  applied(patch: string, seed: FileModel): FileModel {
    const directory = mkdtempSync(join(this.#home, "applied-"));
    writeModel(directory, seed);
    const git = (args: readonly string[], input?: string) =>
      execFileSync("git", args, { cwd: directory, input, stdio: "pipe", env: { PATH: "/usr/bin:/bin" } });
    git(["init", "--quiet"]);
    if (patch !== "") git(["apply", "-"], patch);
    return readModel(directory);
  }
}
