/** The `pyro run` command as a user types it, from the start of its process to its end, with everything in the cache. */
import type { Figure } from "../figure.ts";
import { elapsedMs, repeat } from "../timing.ts";

export const runTrue: Figure = {
  name: "run-true",
  title: "pyro run … -- true, whole process",
  unit: "ms",
  target: { at_most: 1000 },
  async measure(context) {
    const run = () => elapsedMs(() => context.pyro(["run", context.environment, "--", "true"]));
    await run();
    return { values: await repeat(context.runs, context.signal, run) };
  },
};
