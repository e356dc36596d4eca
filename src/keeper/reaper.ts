/** Removes workspaces that are past their time, were never finished, or cannot be read, as long as nobody keeps them. */
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import { KeeperRecord } from "./keeper-record.ts";
import { isOver } from "./record-rules.ts";
import type { Unkept } from "./unkept.ts";

export interface Reaped {
  readonly workspace_id: string;
  readonly name: string | null;
  readonly reason: "expired" | "unfinished" | "damaged";
}

export class Reaper {
  readonly #store: WorkspaceStore;
  readonly #unkept: Unkept;

  constructor(store: WorkspaceStore, unkept: Unkept) {
    this.#store = store;
    this.#unkept = unkept;
  }

  /** Removes all of them; what cannot be read is set aside. */
  async reap(): Promise<Reaped[]> {
    const { damaged } = this.#store.list();
    const removed = await this.reapOver();
    for (const one of damaged) {
      if (await tolerated(this.#unkept.quarantine(one)))
        removed.push({ workspace_id: one.workspace_id, name: null, reason: "damaged" });
    }
    return removed;
  }

  /** Removes what is past its time or was never finished; what cannot be removed stays, and does not keep the rest. */
  async reapOver(): Promise<Reaped[]> {
    this.#store.clearStaging();
    const removed: Reaped[] = [];
    for (const record of this.#store.list().records) {
      const reason = this.reasonFor(record);
      if (reason === undefined || !(await tolerated(this.#unkept.remove(record)))) continue;
      removed.push({ workspace_id: record.workspace_id, name: record.name, reason });
    }
    return removed;
  }

  /** Those of these workspaces that somebody is creating. */
  beginning(records: readonly WorkspaceRecord[]): WorkspaceRecord[] {
    return records.filter((one) => one.intent === "creating" && this.reasonFor(one) === undefined);
  }

  /** Why a workspace that nobody keeps is to be removed; what somebody is about to find a keeper for is not. */
  reasonFor(record: WorkspaceRecord): "expired" | "unfinished" | undefined {
    const reason = isOver(record);
    if (record.intent !== "creating") return reason;
    const { keeperRecord } = this.#store.paths.partsOf(record.workspace_id);
    return new KeeperRecord(keeperRecord).pid() === undefined ? reason : undefined;
  }
}

/** One that cannot be removed does not keep the others. */
async function tolerated(removal: Promise<boolean>): Promise<boolean> {
  return removal.catch(() => false);
}
