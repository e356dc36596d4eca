/** The networks of workspaces as the operations see them: asked of the keeper, or read off the record where nobody keeps the workspace. */
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import { Egress, type NetworkView } from "../workspaces/egress.ts";
import { type CallOptions, callKeeper } from "./control-client.ts";

/** What of all workspaces it uses. */
export interface NetworkHost {
  readonly store: WorkspaceStore;
  find(workspace: string): Promise<WorkspaceRecord>;
}

export class NetworkCalls {
  readonly #host: NetworkHost;

  constructor(host: NetworkHost) {
    this.#host = host;
  }

  /** The policy, and what became of the connections since the machine's last start or reset; none where it does not run. */
  async view(workspace: string, context: CallOptions): Promise<NetworkView & { readonly workspace_id: string }> {
    const record = await this.#host.find(workspace);
    const { workspace_id } = record;
    const directory = this.#host.store.paths.workspace(workspace_id);
    const answered = (await callKeeper(directory, "network", {}, context)) as
      | { readonly result: NetworkView }
      | undefined;
    return { workspace_id, ...(answered?.result ?? new Egress(record).view()) };
  }
}
