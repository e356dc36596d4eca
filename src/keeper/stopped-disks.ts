/** The disks of workspaces that do not run, and that nobody can start meanwhile. */
import { resolve } from "node:path";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { FileContent, ReadInput } from "../workspaces/live/files.ts";
import type { FileListing, ListInput } from "../workspaces/live/listing.ts";
import type { WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import { type ExportedDisk, exportDisk, listDisk, readDisk } from "../workspaces/stopped-disk.ts";
import type { CallOptions } from "./control-client.ts";
import type { Unkept } from "./unkept.ts";

export class StoppedDisks {
  readonly #host: WorkspaceHost;
  readonly #unkept: Unkept;
  readonly #find: (workspace: string) => Promise<WorkspaceRecord>;

  constructor(host: WorkspaceHost, unkept: Unkept, find: (workspace: string) => Promise<WorkspaceRecord>) {
    this.#host = host;
    this.#unkept = unkept;
    this.#find = find;
  }

  /** Copies the disk as an image. */
  export(workspace: string, output: string, context: CallOptions): Promise<ExportedDisk> {
    return this.#while(workspace, (record) => exportDisk(this.#host, record, resolve(output), context));
  }

  list(workspace: string, input: ListInput, context: CallOptions): Promise<FileListing> {
    return this.#while(workspace, (record) => listDisk(this.#host, record, input, context));
  }

  read(workspace: string, input: ReadInput, context: CallOptions): Promise<FileContent> {
    return this.#while(workspace, (record) => readDisk(this.#host, record, input, context));
  }

  async #while<T>(workspace: string, use: (record: WorkspaceRecord) => Promise<T>): Promise<T> {
    return this.#unkept.whileHeld(await this.#find(workspace), use);
  }
}
