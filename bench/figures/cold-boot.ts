/** From nothing to a machine that has answered: VMM, kernel, agent, handshake, root and disk mounted. */
import type { Figure } from "../figure.ts";
import { repeat } from "../timing.ts";

export const coldBoot: Figure = {
  name: "cold-boot",
  title: "cold boot to first answer",
  unit: "ms",
  target: { at_most: 3500 },
  async measure(context) {
    const boot = async () => {
      const start = performance.now();
      return context.withMachine(async () => performance.now() - start);
    };
    await boot();
    return { values: await repeat(context.runs, context.signal, boot) };
  },
};
