/** Carrying 5,000 files into a workspace and out of it, beside a tar archive through the same channel. */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";
import { SEED_FILES, withSeed, withWorkspace } from "../workspaces.ts";

/** A figure that takes seconds is taken less often than one that takes milliseconds. */
const runsOf = ({ runs }: BenchContext): number => Math.max(3, Math.ceil(runs / 4));
const megabytesPerSecond = (bytes: number, ms: number): number => bytes / 1e3 / ms;

export const workspaceSeed: Figure = {
  name: "workspace-seed",
  title: `create with a seed of ${SEED_FILES} files and 50 MiB, less create of an empty one`,
  unit: "ms",
  target: { at_most: 4000 },
  measure: (context) =>
    withSeed(context, SEED_FILES, async (path, bytes) => {
      const create = async (seed?: string) => {
        const began = performance.now();
        return withWorkspace(context, seed, async () => performance.now() - began);
      };
      const empty = await repeat(runsOf(context), context.signal, () => create());
      const whole = await repeat(runsOf(context), context.signal, () => create(path));
      const values = whole.map((ms, at) => ms - (empty[at] ?? 0));
      const tar = await repeat(runsOf(context), context.signal, () => piped(context, path));
      return {
        values,
        parts: [
          { name: "seed", unit: "MB/s", values: values.map((ms) => megabytesPerSecond(bytes, ms)) },
          { name: "tar -x fed through a command's input", unit: "ms", values: tar },
          { name: "the same", unit: "MB/s", values: tar.map((ms) => megabytesPerSecond(bytes, ms)) },
        ],
      };
    }),
};

/** What users of other tools do: an archive, made on the host, unpacked by a program in the machine. */
function piped(context: BenchContext, path: string): Promise<number> {
  return context.withMachine(({ session }) =>
    elapsedMs(async () => {
      const tar = spawn("tar", ["-C", path, "-cf", "-", "."], { stdio: ["ignore", "pipe", "inherit"] });
      const ended = await session.exec({
        argv: ["tar", "-C", "/workspace", "-xf", "-"],
        timeout_ms: 120_000,
        stdin: tar.stdout,
        onOutput: () => undefined,
        signal: context.signal,
      });
      if (ended.exit_code !== 0) throw new Error(`tar ended with ${ended.exit_code}`);
    }),
  );
}

export const workspaceExport: Figure = {
  name: "workspace-export",
  title: `export of ${SEED_FILES} files and 50 MiB`,
  unit: "ms",
  target: { at_most: 4000 },
  measure: (context) =>
    withSeed(context, SEED_FILES, (path, bytes) =>
      withWorkspace(context, path, async ({ pyro, workspace_id }) => {
        const outputs: string[] = [];
        const one = () => {
          const output = join(context.scratch, `export-${process.pid}-${outputs.length}`);
          outputs.push(output);
          return elapsedMs(() => pyro.exportWorkspace({ workspace_id, path: "/workspace", output }));
        };
        try {
          const values = await repeat(runsOf(context), context.signal, one);
          const rate = values.map((ms) => megabytesPerSecond(bytes, ms));
          return { values, parts: [{ name: "export", unit: "MB/s", values: rate }] };
        } finally {
          // Only now: ext4 is slow to make files for minutes after as many were removed.
          for (const output of outputs) rmSync(output, { recursive: true, force: true });
        }
      }),
    ),
};
