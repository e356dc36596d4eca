/** The records of one user's workspaces. One that is damaged is set aside with its reason; the others are none the worse. */
import { join } from "node:path";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { freePath, isDirectory, makeNewDirectory, moveInto, place } from "../platform/directories.ts";
import { atomicWrite, listDirectory, readJson, remove } from "../platform/files.ts";
import { changedAt } from "../platform/named-files.ts";
import { type StatePaths, type WorkspacePaths, workspacePaths } from "./paths.ts";
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

/** Age from which what is being made has been left behind, in milliseconds: it takes a moment. */
const ABANDONED_MS = 60_000;
/** End of the name of what is being removed. */
const GONE = /\.gone\.[0-9a-f]+$/;

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
      if (read.state === "absent" && this.exists(workspace_id)) damaged.push({ workspace_id, reason: NO_RECORD });
    }
    return { records, damaged };
  }

  /** The record of that id as it is now; undefined where there is none that can be read. */
  current(workspace_id: string): WorkspaceRecord | undefined {
    const read = this.#read(workspace_id);
    return read.state === "whole" ? read.value : undefined;
  }

  /** The workspace of that id or unique name. Throws `workspace_not_found`, `workspace_ambiguous` or `workspace_damaged`. */
  find(idOrName: string): WorkspaceRecord {
    const byId = isId(idOrName) ? this.#read(idOrName) : undefined;
    if (byId?.state === "whole") return byId.value;
    if (byId?.state === "damaged") throw damage(idOrName, byId.reason);
    if (byId !== undefined && this.exists(idOrName)) throw damage(idOrName, NO_RECORD);
    const named = this.list().records.filter(({ name }) => name === idOrName);
    if (named.length > 1) throw ambiguous(idOrName, named);
    const [only] = named;
    if (only !== undefined) return only;
    throw new PyroError("workspace_not_found", `No workspace has the id or name "${idOrName}"`, {
      details: { workspace: idOrName },
    });
  }

  /** Makes a workspace's directory with its first record and what `prepare` puts there, in one step. Throws `host_io_failed` where the id is taken. */
  create(record: WorkspaceRecord, prepare: (paths: WorkspacePaths) => void = () => {}): void {
    this.paths.prepareData();
    const made = workspacePaths(freePath(this.paths.staging, `${record.workspace_id}.new`));
    makeNewDirectory(made.directory);
    try {
      prepare(made);
      atomicWrite(made.record, textOf(record));
      place(made.directory, this.paths.workspace(record.workspace_id));
    } catch (thrown) {
      remove(made.directory);
      throw thrown;
    }
  }

  /** Replaces a record, durably. */
  write(record: WorkspaceRecord): void {
    atomicWrite(this.paths.workspaceRecord(record.workspace_id), textOf(record));
  }

  /** Whether a directory of that id is there. */
  exists(workspace_id: string): boolean {
    return listDirectory(this.paths.workspaces).includes(workspace_id);
  }

  /** Whether something else than a directory is there under that id. */
  isObstacle(workspace_id: string): boolean {
    return this.exists(workspace_id) && !isDirectory(this.paths.workspace(workspace_id));
  }

  /** Removes a workspace with all that belongs to it, in one step; nothing happens where there is none. */
  remove(workspace_id: string): void {
    if (!this.exists(workspace_id)) return;
    try {
      place(this.paths.workspace(workspace_id), freePath(this.paths.staging, `${workspace_id}.gone`));
    } catch {
      // Room that a full disk lacks is found by removing it where it is.
      remove(this.paths.workspaceRecord(workspace_id));
      remove(this.paths.workspace(workspace_id));
    }
    this.clearStaging();
  }

  /** Removes what killed processes were making or removing; what cannot be removed is left for the next time. */
  clearStaging(): void {
    tolerated(() => {
      for (const name of listDirectory(this.paths.staging)) {
        const path = join(this.paths.staging, name);
        tolerated(() => {
          if (GONE.test(name) || (changedAt(path) ?? 0) < Date.now() - ABANDONED_MS) remove(path);
        });
      }
    });
  }

  /** Moves what is damaged out of the way, and says where it is. */
  quarantine({ workspace_id, reason }: DamagedWorkspace): string {
    this.paths.prepareData();
    const path = moveInto(this.paths.workspace(workspace_id), this.paths.quarantine);
    atomicWrite(`${path}.reason.json`, `${JSON.stringify({ workspace_id, reason })}\n`);
    return path;
  }

  #read(id: string): ReturnType<typeof readWorkspace> {
    const read = readWorkspace(this.paths.workspaceRecord(id));
    if (read.state !== "whole" || read.value.workspace_id === id) return read;
    return { state: "damaged", reason: `it is the record of "${read.value.workspace_id}"` };
  }
}

const NO_RECORD = "it has no record";

const textOf = (record: WorkspaceRecord): string => `${JSON.stringify(record, null, 2)}\n`;

function tolerated(action: () => void): void {
  try {
    action();
  } catch {
    // The next one tries again.
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
