/** Memory of a machine of 1024 MiB that has been set up and does nothing. */
import { setTimeout as wait } from "node:timers/promises";
import type { Figure } from "../figure.ts";
import { cageMemoryMib, memoryMib } from "../memory.ts";
import { repeat } from "../timing.ts";

const SETTLE_MS = 2000;
const MACHINES = 3;

export const idleMemory: Figure = {
  name: "idle-memory",
  title: "PSS of one idle machine's VMM",
  unit: "MiB",
  async measure(context) {
    const look = () =>
      context.withMachine(async ({ open }) => {
        await wait(SETTLE_MS, undefined, { signal: context.signal });
        const pid = open.machine.pid();
        return { vmm: memoryMib(pid), cage: cageMemoryMib(pid) };
      });
    const looks = await repeat(MACHINES, context.signal, look);
    const cage = { name: "with all processes of its cage", unit: "MiB", values: looks.map((seen) => seen.cage) };
    return { values: looks.map((seen) => seen.vmm), parts: [cage] };
  },
};
