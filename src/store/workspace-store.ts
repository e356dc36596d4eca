/** The records of one user's workspaces. One that is damaged is set aside with its reason; the others are none the worse. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import { makeNewDirectory, moveInto } from "../platform/directories.ts";
import { atomicWrite, listDirectory, readJson, remove } from "../platform/files.ts";
import type { StatePaths } from "./paths.ts";
import { type WorkspaceRecord, workspaceRecord } from "./workspace-record.ts";

/** A directory that should hold a workspace and does not. */
export interface DamagedWorkspace {
  readonly workspace_id: string;
  readonly reason: string;
}

export interface WorkspaceListing {
  readonly records: readonly WorkspaceRecord[];
  readonly damaged: readonly DamagedWorkspace[];
}

export class WorkspaceStore {
  readonly paths: StatePaths;

  constructor(paths: StatePaths) {
    this.paths = paths;
  }

  /** Every workspace, and what looks like one and is damaged; nothing is changed. */
  list(): WorkspaceListing {
    const records: WorkspaceRecord[] = [];
    const damaged: DamagedWorkspace[] = [];
    for (const workspace_id of listDirectory(this.paths.workspaces)) {
      const read = this.#read(workspace_id);
      if (read.state === "whole") records.push(read.value);
      if (read.state === "damaged") damaged.push({ workspace_id, reason: read.reason });
    }
    return { records, damaged };
  }

  /** The workspace of that id or unique name. Throws `workspace_not_found`, `workspace_ambiguous` or `workspace_damaged`. */
  find(idOrName: string): WorkspaceRecord {
    const byId = isId(idOrName) ? this.#read(idOrName) : undefined;
    if (byId?.state === "whole") return byId.value;
    if (byId?.state === "damaged") throw damage(idOrName, byId.reason);
    const named = this.list().records.filter(({ name }) => name === idOrName);
    if (named.length > 1) throw ambiguous(idOrName, named);
    const [only] = named;
    if (only !== undefined) return only;
    throw new PyroError("workspace_not_found", `No workspace has the id or name "${idOrName}"`, {
      details: { workspace: idOrName },
    });
  }

  /** Makes a workspace's directory and writes its first record. Throws `host_io_failed` where the id is taken. */
  create(record: WorkspaceRecord): void {
    this.paths.prepareData();
    makeNewDirectory(this.paths.workspace(record.workspace_id));
    this.write(record);
  }

  /** Replaces a record, durably. */
  write(record: WorkspaceRecord): void {
    atomicWrite(this.paths.workspaceRecord(record.workspace_id), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** Whether a directory of that id is there. */
  exists(workspace_id: string): boolean {
    return listDirectory(this.paths.workspaces).includes(workspace_id);
  }

  /** Removes a workspace with all that belongs to it; nothing happens where there is none. The record goes first. */
  remove(workspace_id: string): void {
    remove(this.paths.workspaceRecord(workspace_id));
    remove(this.paths.workspace(workspace_id));
  }

  /** Moves what is damaged out of the way, and says where it is. */
  quarantine({ workspace_id, reason }: DamagedWorkspace): string {
    this.paths.prepareData();
    const path = moveInto(this.paths.workspace(workspace_id), this.paths.quarantine);
    atomicWrite(`${path}.reason.json`, `${JSON.stringify({ workspace_id, reason })}\n`);
    return path;
  }

  /** A directory without a record is a workspace that was being made or removed when something ended. */
  #read(id: string): ReturnType<typeof readWorkspace> {
    const read = readWorkspace(this.paths.workspaceRecord(id));
    if (read.state !== "whole" || read.value.workspace_id === id) return read;
    return { state: "damaged", reason: `it is the record of "${read.value.workspace_id}"` };
  }
}

function readWorkspace(path: string) {
  try {
    return readJson(path, workspaceRecord);
  } catch (thrown) {
    return { state: "damaged", reason: toPyroError(thrown).message } as const;
  }
}

/** Whether a text has the form of an id; a name that does is not permitted. */
export function isId(text: string): boolean {
  return /^ws-[0-9a-f]{12}$/.test(text);
}

function damage(workspace_id: string, reason: string): PyroError {
  return new PyroError("workspace_damaged", `The record of "${workspace_id}" cannot be read: ${reason}`, {
    hint: `pyro workspace delete ${workspace_id}`,
    details: { workspace_id, reason },
  });
}

function ambiguous(name: string, found: readonly WorkspaceRecord[]): PyroError {
  const ids = found.map(({ workspace_id }) => workspace_id);
  return new PyroError("workspace_ambiguous", `${found.length} workspaces have the name "${name}": ${ids.join(", ")}`, {
    details: { name, ids },
  });
}
