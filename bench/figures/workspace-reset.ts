/** Reset of a workspace with a large seed, against that of an empty one, in turns. */
import type { Figure } from "../figure.ts";
import { elapsedMs, shared } from "../timing.ts";
import { type BenchWorkspace, SEED_FILES, withSeed, withWorkspace } from "../workspaces.ts";

const reset = ({ pyro, workspace_id }: BenchWorkspace) => elapsedMs(() => pyro.resetWorkspace({ workspace_id }));

const pairs = shared((context) =>
  withSeed(context, SEED_FILES, (path) =>
    withWorkspace(context, path, (large) =>
      withWorkspace(context, undefined, async (small) => {
        const seeded: number[] = [];
        const empty: number[] = [];
        for (let at = 0; at < context.runs; at += 1) {
          context.signal.throwIfAborted();
          seeded.push(await reset(large));
          empty.push(await reset(small));
        }
        return { seeded, empty };
      }),
    ),
  ),
);

export const workspaceReset: Figure = {
  name: "workspace-reset",
  title: `reset of a workspace with a seed of ${SEED_FILES} files`,
  unit: "ms",
  target: { at_most: 1500 },
  async measure(context) {
    const { seeded, empty } = await pairs(context);
    return { values: seeded, parts: [{ name: "of an empty one", unit: "ms", values: empty }] };
  },
};

export const workspaceResetOverEmpty: Figure = {
  name: "workspace-reset-over-empty",
  title: "that over the reset of an empty one",
  unit: "×",
  target: { at_most: 1.2 },
  async measure(context) {
    const { seeded, empty } = await pairs(context);
    return { values: seeded.map((ms, at) => ms / (empty[at] ?? Number.NaN)) };
  },
};
