/** What an idle workspace takes: its keeper, its VMM, and the cage around that. */
import { setTimeout as wait } from "node:timers/promises";
import { KeeperRecord } from "../../src/keeper/keeper-record.ts";
import type { BenchContext } from "../context.ts";
import type { Figure } from "../figure.ts";
import { descendants, memoryMib } from "../processes.ts";
import { repeat } from "../timing.ts";
import { withWorkspace } from "../workspaces.ts";

const SETTLE_MS = 3_000;
const WORKSPACES = 3;

interface Memory {
  readonly keeper: number;
  readonly all: number;
}

function memory(context: BenchContext): Promise<Memory> {
  return withWorkspace(context, undefined, async ({ workspace_id }) => {
    await wait(SETTLE_MS, undefined, { signal: context.signal });
    const pid = new KeeperRecord(context.paths.partsOf(workspace_id).keeperRecord).pid();
    if (pid === undefined) throw new Error("the workspace has no keeper");
    const all = [pid, ...descendants(pid)].reduce((sum, each) => sum + memoryMib(each), 0);
    return { keeper: memoryMib(pid), all };
  });
}

export const workspaceMemory: Figure = {
  name: "workspace-memory",
  title: "PSS of one idle workspace: keeper, VMM and cage",
  unit: "MiB",
  target: { at_most: 170 },
  async measure(context) {
    const found = await repeat(WORKSPACES, context.signal, () => memory(context));
    const keeper = found.map((one) => one.keeper);
    return { values: found.map(({ all }) => all), parts: [{ name: "the keeper alone", unit: "MiB", values: keeper }] };
  },
};
