/** Eight machines of one template, started at once: until each has run a command. */
import type { Figure } from "../figure.ts";
import { runCommand } from "../guest-command.ts";
import { elapsedMs, repeat } from "../timing.ts";

const CLONES = 8;

export const eightClones: Figure = {
  name: "eight-clones",
  title: "eight restores at once, each ran true",
  unit: "ms",
  target: { at_most: 4000 },
  async measure(context) {
    const one = () => context.withMachine(({ session }) => runCommand(session, ["true"], context.signal));
    const all = () => elapsedMs(() => Promise.all(Array.from({ length: CLONES }, one)));
    await one();
    return { values: await repeat(context.runs, context.signal, all) };
  },
};
