/** Workspaces that nobody keeps: taken for a moment, so that nobody starts them meanwhile. */
import { setTimeout as delay } from "node:timers/promises";
import { holdDirectory } from "../platform/lock.ts";
import { touch } from "../platform/named-files.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import { inUse } from "./record-rules.ts";
import { takeDirectory } from "./taking.ts";

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
    const hold = await takeDirectory(this.#store.paths.workspace(workspace_id));
    if (hold === undefined) {
      this.#store.find(workspace_id);
      throw inUse(workspace_id);
    }
    try {
      return await use(this.#store.find(workspace_id));
    } finally {
      hold.close();
    }
  }

  /** Writes part of the record anew, which is a change of the workspace. Throws `workspace_running`. */
  change(record: Named, part: (now: WorkspaceRecord) => Partial<WorkspaceRecord>): Promise<void> {
    return this.whileHeld(record, async (now) => {
      this.#store.write({ ...now, ...part(now) });
      touch(this.#store.paths.partsOf(now.workspace_id).activity);
    });
  }

  /** Removes a workspace; false where somebody keeps it. */
  remove(record: Named): Promise<boolean> {
    return this.#ifFree(record, () => this.#store.remove(record.workspace_id));
  }

  /** Sets aside what cannot be read; false where somebody keeps it. */
  quarantine(damaged: Named & { readonly reason: string }): Promise<boolean> {
    return this.#ifFree(damaged, () => void this.#store.quarantine(damaged));
  }

  /** Removes one whose keeper goes when it is asked to. Throws `workspace_running` where that takes longer than `deadline_ms`. */
  async removeSoon(workspace_id: string, deadline_ms: number, askToGo: () => Promise<void>): Promise<void> {
    for (const end = performance.now() + deadline_ms; performance.now() < end; ) {
      await askToGo();
      if (!this.#store.exists(workspace_id) || (await this.remove({ workspace_id }))) return;
      await delay(PAUSE_MS);
    }
    throw inUse(workspace_id);
  }

  /** What is there and no directory, nobody keeps. */
  async #ifFree({ workspace_id }: Named, use: () => void): Promise<boolean> {
    if (this.#store.isObstacle(workspace_id)) {
      use();
      return true;
    }
    const hold = await holdDirectory(this.#store.paths.workspace(workspace_id));
    if (hold === undefined) return false;
    try {
      use();
    } finally {
      hold.close();
    }
    return true;
  }
}
