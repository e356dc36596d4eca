/** Calls of keepers by those who have a workspace's record, typed by what keepers answer. */
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import { type CallOptions, callKeeper } from "./control-client.ts";
import type { KeeperMethods } from "./methods.ts";
import { notFound, notKept } from "./record-rules.ts";

export type KeeperInput<K extends keyof KeeperMethods> = Parameters<KeeperMethods[K]>[0];
export type KeeperResult<K extends keyof KeeperMethods> = Awaited<ReturnType<KeeperMethods[K]>>;

export class KeeperCalls {
  readonly #store: WorkspaceStore;

  constructor(store: WorkspaceStore) {
    this.#store = store;
  }

  /** What the workspace's keeper answers; undefined where it has none, so that nothing was done. */
  async try<K extends keyof KeeperMethods>(
    { workspace_id }: WorkspaceRecord,
    method: K,
    input: KeeperInput<K>,
    context: CallOptions,
  ): Promise<{ readonly result: KeeperResult<K> } | undefined> {
    const answered = await callKeeper(this.#store.paths.workspace(workspace_id), method, input, context);
    return answered as { readonly result: KeeperResult<K> } | undefined;
  }

  /** The same for what only a keeper can do. Throws what is to be said where there is none, such as `workspace_stopped`. */
  async call<K extends keyof KeeperMethods>(
    record: WorkspaceRecord,
    method: K,
    input: KeeperInput<K>,
    context: CallOptions,
  ): Promise<KeeperResult<K>> {
    const answered = await this.try(record, method, input, context);
    if (answered !== undefined) return answered.result;
    const now = this.#store.current(record.workspace_id);
    throw now === undefined ? notFound(record.workspace_id) : notKept(now);
  }
}
