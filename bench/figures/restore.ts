/** From a template to a machine that has answered: VMM, restored state, handshake, entropy, clock, names, root and disk mounted. */
import type { BenchContext } from "../context.ts";
import type { Figure, Series } from "../figure.ts";
import { repeat } from "../timing.ts";

const sizes = [512, 1024, 2048] as const;
const SMALLEST = sizes[0];
const LARGEST = 2048;

/** Milliseconds to a machine whose handshake and setup have been answered. */
export async function timeToAnswer(
  context: BenchContext,
  way: "booted" | "restored",
  mem_mib: number,
): Promise<number> {
  const start = performance.now();
  const answered = async () => performance.now() - start;
  return way === "booted" ? context.withBootedMachine(answered, mem_mib) : context.withMachine(answered, mem_mib);
}

/** One value per size of memory and round, the sizes in turn. */
async function rounds(context: BenchContext): Promise<readonly number[][]> {
  const round = async () => {
    const values: number[] = [];
    for (const mem_mib of sizes) values.push(await timeToAnswer(context, "restored", mem_mib));
    return values;
  };
  await round();
  return repeat(context.runs, context.signal, round);
}

export const restore: Figure = {
  name: "restore",
  title: "restore to first answer, 1024 MiB",
  unit: "ms",
  target: { at_most: 500 },
  async measure(context) {
    await timeToAnswer(context, "restored", 1024);
    return { values: await repeat(context.runs, context.signal, () => timeToAnswer(context, "restored", 1024)) };
  },
};

export const restoreByMemory: Figure = {
  name: "restore-by-memory",
  title: `restore of ${LARGEST} MiB over restore of ${SMALLEST} MiB`,
  unit: "×",
  target: { at_most: 1.2 },
  async measure(context) {
    const taken = await rounds(context);
    const values = taken.map((round) => (round.at(-1) ?? 0) / (round[0] ?? 1));
    const parts = sizes.map((mem_mib, at): Series => {
      return { name: `restore, ${mem_mib} MiB`, unit: "ms", values: taken.map((round) => round[at] ?? 0) };
    });
    return { values, parts };
  },
};
