/** What pyro costs beside the machine itself: `pyro run … -- true` over a bare QEMU with the same guest, up to its shell's prompt. */

import { BareMachines } from "../bare/machines.ts";
import type { Figure } from "../figure.ts";
import { elapsedMs } from "../timing.ts";

export const overBareQemu: Figure = {
  name: "over-bare-qemu",
  title: "pyro run … -- true over bare QEMU to a prompt",
  unit: "×",
  target: { at_most: 1.15 },
  async measure(context) {
    const bare = await BareMachines.prepare(context);
    try {
      const pair = async () => {
        const run = await elapsedMs(() => context.pyro(["run", context.environment, "--", "true"]));
        return { run, prompt: await bare.timeToPrompt() };
      };
      await pair();
      const pairs: { run: number; prompt: number }[] = [];
      while (pairs.length < context.runs) pairs.push(await pair());
      return {
        values: pairs.map(({ run, prompt }) => run / prompt),
        parts: [
          { name: "pyro run, whole process", unit: "ms", values: pairs.map(({ run }) => run) },
          { name: "bare QEMU to its prompt", unit: "ms", values: pairs.map(({ prompt }) => prompt) },
        ],
      };
    } finally {
      bare.close();
    }
  },
};
