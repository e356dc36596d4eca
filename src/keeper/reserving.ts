/** The beginning of a workspace: its record, its name, which nobody else can have from then on, and room for it. */
import { PyroError } from "../contract/errors.ts";
import { freeDiskBytes } from "../platform/host.ts";
import { withLock } from "../platform/lock.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import type { GivenSecret } from "../workspaces/secrets/given-secrets.ts";
import { admit } from "./admission.ts";
import { KeeperRecord } from "./keeper-record.ts";
import { type CreateWorkspaceInput, newRecord, requireFreeName } from "./record-rules.ts";

/** Free disk without which nothing is begun, in bytes (docs/design/limits.md). */
const MIN_FREE_BYTES = 512 * 1_048_576;

/** Tells which of these workspaces are being created. */
type Beginning = (records: readonly WorkspaceRecord[]) => readonly WorkspaceRecord[];

export class Reserving {
  readonly #host: WorkspaceHost;
  readonly #beginning: Beginning;

  constructor(host: WorkspaceHost, beginning: Beginning) {
    this.#host = host;
    this.#beginning = beginning;
  }

  /** Writes the record of what is to be created. Throws `host_disk_full`, `workspace_name_taken`, `insufficient_memory`. */
  async reserve(input: CreateWorkspaceInput, secrets: readonly GivenSecret[]): Promise<WorkspaceRecord> {
    const { store } = this.#host;
    store.paths.prepareData();
    if (freeDiskBytes(store.paths.data) < MIN_FREE_BYTES)
      throw new PyroError("host_disk_full", `Less than 512 MiB are free on the disk of "${store.paths.data}"`);
    return withLock(store.paths.namesLock, {}, async () => {
      const { records } = store.list();
      requireFreeName(records, input.name, undefined);
      const record = newRecord(input, secrets);
      this.#admitBeside(records, record);
      store.create(record, ({ keeperRecord }) => new KeeperRecord(keeperRecord).write(false));
      return record;
    });
  }

  /** Runs `use` while nobody but the workspace `own` can take this name. Throws `workspace_name_taken`. */
  async whileFree<T>(name: string | undefined, own: string | undefined, use: () => Promise<T>): Promise<T> {
    if (name === undefined) return use();
    return withLock(this.#host.store.paths.namesLock, {}, () => {
      requireFreeName(this.#host.store.list().records, name, own);
      return use();
    });
  }

  /** Throws `insufficient_memory` where there is no room for the machine of this workspace. */
  admit(record: WorkspaceRecord): void {
    this.#admitBeside(this.#host.store.list().records, record);
  }

  #admitBeside(records: readonly WorkspaceRecord[], record: WorkspaceRecord): void {
    admit(record, this.#beginning(records), this.#host.availableMemory());
  }
}
