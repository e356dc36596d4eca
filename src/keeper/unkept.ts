/** Workspaces that nobody keeps: taken for a moment, so that nobody starts them meanwhile. */
import { setTimeout as delay } from "node:timers/promises";
import { holdDirectory } from "../platform/lock.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import { inUse } from "./record-rules.ts";

/** Pause between two looks at whether a workspace is free, in milliseconds. */
const PAUSE_MS = 20;

type Named = Pick<WorkspaceRecord, "workspace_id">;

export class Unkept {
  readonly #store: WorkspaceStore;

  constructor(store: WorkspaceStore) {
    this.#store = store;
  }

  /** Uses the present record of what does not run. Throws `workspace_running`. */
  async whileHeld<T>({ workspace_id }: Named, use: (record: WorkspaceRecord) => Promise<T>): Promise<T> {
    const hold = await this.#hold(workspace_id);
    if (hold === undefined) throw inUse(workspace_id);
    try {
      return await use(this.#store.find(workspace_id));
    } finally {
      hold.close();
    }
  }

  /** Writes part of the record anew. Throws `workspace_running`. */
  change(record: Named, part: (now: WorkspaceRecord) => Partial<WorkspaceRecord>): Promise<void> {
    return this.whileHeld(record, async (now) => this.#store.write({ ...now, ...part(now) }));
  }

  /** Removes a workspace; false where somebody keeps it. */
  async remove({ workspace_id }: Named): Promise<boolean> {
    const hold = await this.#hold(workspace_id);
    if (hold === undefined) return false;
    this.#store.remove(workspace_id);
    hold.close();
    return true;
  }

  /** The same, waiting for its keeper to go. Throws `workspace_running` where that takes longer than `deadline_ms`. */
  async removeSoon(workspace_id: string, deadline_ms: number): Promise<void> {
    for (const end = performance.now() + deadline_ms; performance.now() < end; ) {
      if (!this.#store.exists(workspace_id) || (await this.remove({ workspace_id }))) return;
      await delay(PAUSE_MS);
    }
    throw inUse(workspace_id);
  }

  #hold(workspace_id: string) {
    return holdDirectory(this.#store.paths.workspace(workspace_id));
  }
}
