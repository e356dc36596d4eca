/** Without a template, from nothing to a machine that has answered: VMM, kernel, agent, handshake, root and disk mounted. */
import type { Figure } from "../figure.ts";
import { repeat } from "../timing.ts";

export const coldBoot: Figure = {
  name: "cold-boot",
  title: "cold boot to first answer, 1024 MiB",
  unit: "ms",
  target: { at_most: 3500 },
  async measure(context) {
    const boot = async () => {
      const start = performance.now();
      return context.withBootedMachine(async () => performance.now() - start);
    };
    await boot();
    return { values: await repeat(context.runs, context.signal, boot) };
  },
};
