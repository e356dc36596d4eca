/** Memory of restored machines of 1024 MiB that have been set up and do nothing: alone, and among others of one template. */
import { setTimeout as wait } from "node:timers/promises";
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { cageMemoryMib, memoryMib } from "../processes.ts";
import { repeat } from "../timing.ts";

const SETTLE_MS = 2000;
const MACHINES = 3;
const CLONES = 8;

interface Memory {
  readonly vmm: number;
  readonly cage: number;
}

export const idleMemory: Figure = {
  name: "idle-memory",
  title: "PSS of one idle machine's VMM, alone",
  unit: "MiB",
  target: { at_most: 110 },
  async measure(context) {
    const alone = (await repeat(MACHINES, context.signal, () => idle(context, 1))).flat();
    const among = await idle(context, CLONES);
    return {
      values: alone.map(({ vmm }) => vmm),
      parts: [
        { name: "with all processes of its cage", unit: "MiB", values: alone.map(({ cage }) => cage) },
        { name: `each of ${CLONES} clones`, unit: "MiB", values: among.map(({ vmm }) => vmm) },
      ],
    };
  },
};

/** Memory of that many machines while all of them run; `pids` are those that do already. */
function idle(context: BenchContext, count: number, pids: readonly number[] = []): Promise<Memory[]> {
  return context.withMachine(async ({ open }) => {
    const all = [...pids, open.machine.pid()];
    if (all.length < count) return idle(context, count, all);
    await wait(SETTLE_MS, undefined, { signal: context.signal });
    return all.map((pid) => ({ vmm: memoryMib(pid), cage: cageMemoryMib(pid) }));
  });
}
