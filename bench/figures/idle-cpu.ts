/** Processor time of a restored machine that has been set up and does nothing. */
import { setTimeout as wait } from "node:timers/promises";
import type { Figure } from "../figure.ts";
import { cpuMs } from "../processes.ts";
import { repeat } from "../timing.ts";

const SETTLE_MS = 2000;
const WATCHED_MS = 2000;

export const idleCpu: Figure = {
  name: "idle-cpu",
  title: "CPU of one idle machine, share of a core",
  unit: "%",
  target: { at_most: 2 },
  measure: (context) =>
    context.withMachine(async ({ open }) => {
      await wait(SETTLE_MS, undefined, { signal: context.signal });
      const pid = open.machine.pid();
      const share = async () => {
        const [before, start] = [cpuMs(pid), performance.now()];
        await wait(WATCHED_MS, undefined, { signal: context.signal });
        return (100 * (cpuMs(pid) - before)) / (performance.now() - start);
      };
      return { values: await repeat(context.runs, context.signal, share) };
    }),
};
