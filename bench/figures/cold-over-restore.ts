/** How much sooner a restored machine answers than the same machine booted, both in turn. */
import type { Figure } from "../figure.ts";
import { repeat } from "../timing.ts";
import { timeToAnswer } from "./restore.ts";

/** The figure for machines of that memory. */
export function coldOverRestore(mem_mib: number): Figure {
  return {
    name: `cold-over-restore-${mem_mib}`,
    title: `cold boot over restore, ${mem_mib} MiB`,
    unit: "×",
    target: { at_least: 6 },
    async measure(context) {
      const pair = async () => ({
        booted: await timeToAnswer(context, "booted", mem_mib),
        restored: await timeToAnswer(context, "restored", mem_mib),
      });
      await pair();
      const pairs = await repeat(context.runs, context.signal, pair);
      return {
        values: pairs.map(({ booted, restored }) => booted / restored),
        parts: [
          { name: "cold boot to first answer", unit: "ms", values: pairs.map(({ booted }) => booted) },
          { name: "restore to first answer", unit: "ms", values: pairs.map(({ restored }) => restored) },
        ],
      };
    },
  };
}
