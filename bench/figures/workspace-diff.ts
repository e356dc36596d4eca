/** A diff after ten files were touched, among 5,000 and among 500. */
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat, shared } from "../timing.ts";
import { SEED_FILES, seedPath, withSeed, withWorkspace } from "../workspaces.ts";

const TOUCHED = 10;
const FEWER_FILES = 500;

function diffs(context: BenchContext, files: number): Promise<number[]> {
  return withSeed(context, files, (path) =>
    withWorkspace(context, path, async ({ pyro, workspace_id }) => {
      for (let at = 0; at < TOUCHED; at += 1)
        await pyro.writeWorkspaceFile({
          workspace_id,
          path: seedPath(at * (files / TOUCHED)),
          text: `changed ${at}\n`,
        });
      const diff = () => pyro.diffWorkspace({ workspace_id });
      const { entry_count } = await diff();
      if (entry_count !== TOUCHED) throw new Error(`${entry_count} files differ, not ${TOUCHED}`);
      return repeat(context.runs, context.signal, () => elapsedMs(diff));
    }),
  );
}

const both = shared(async (context) => ({
  many: await diffs(context, SEED_FILES),
  few: await diffs(context, FEWER_FILES),
}));

export const workspaceDiff: Figure = {
  name: "workspace-diff",
  title: `diff after ${TOUCHED} of ${SEED_FILES} files were touched`,
  unit: "ms",
  target: { at_most: 1000 },
  async measure(context) {
    const { many, few } = await both(context);
    return { values: many, parts: [{ name: `with ${FEWER_FILES} files`, unit: "ms", values: few }] };
  },
};

export const workspaceDiffOverFewer: Figure = {
  name: "workspace-diff-over-fewer",
  title: `that over the same with ${FEWER_FILES} files`,
  unit: "×",
  target: { at_most: 3 },
  async measure(context) {
    const { many, few } = await both(context);
    return { values: many.map((ms, at) => ms / (few[at] ?? Number.NaN)) };
  },
};
