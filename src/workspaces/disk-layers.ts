/** The layers of a workspace's disk: files in its directory, of which only the topmost is ever written. */
import type { TreeArchive } from "../environments/disks.ts";
import { ensureDirectory } from "../platform/directories.ts";
import { linkNameless, listDirectory, namelessFile, type OpenFile, remove } from "../platform/files.ts";
import { copyToNew, openExisting } from "../platform/named-files.ts";
import type { WorkspacePaths } from "../store/paths.ts";
import type { DiskLayer, WorkspaceRecord } from "../store/workspace-record.ts";
import type { MachineDisk } from "./guest-parts.ts";
import type { DiskSource } from "./machine-source.ts";

/** Makes, opens and removes the layers of one workspace. */
export class DiskLayers {
  readonly #paths: WorkspacePaths;
  readonly #disks: DiskSource;

  constructor(paths: WorkspacePaths, disks: DiskSource) {
    this.#paths = paths;
    this.#disks = disks;
  }

  /** A new file on disk, durable, that no record names yet. */
  async make(kind: "journaled" | "layer", signal: AbortSignal): Promise<DiskLayer> {
    ensureDirectory(this.#paths.disk);
    const fresh = await this.#disks.make(kind, signal);
    try {
      const file = this.#nextName();
      copyToNew(fresh, this.#paths.layer(file));
      return { file };
    } finally {
      fresh.close();
    }
  }

  /** The same, with a file system that holds a tree. */
  async makeFilled(tree: TreeArchive, signal: AbortSignal): Promise<DiskLayer> {
    ensureDirectory(this.#paths.disk);
    const fresh = namelessFile(this.#paths.disk);
    try {
      await this.#disks.fill(tree, fresh, signal);
      const file = this.#nextName();
      await linkNameless(fresh, this.#paths.layer(file));
      return { file };
    } finally {
      fresh.close();
    }
  }

  /** Opens a layer that is to be put on top. */
  open({ file }: DiskLayer): OpenFile {
    return openExisting(this.#paths.layer(file), "r+");
  }

  /** Lends a machine its disk, as long as `use` takes. */
  async withDisk<T>(layers: readonly DiskLayer[], use: (disk: MachineDisk) => Promise<T>): Promise<T> {
    const opened: OpenFile[] = [];
    try {
      for (const [at, { file }] of layers.entries())
        opened.push(openExisting(this.#paths.layer(file), at === layers.length - 1 ? "r+" : "r"));
      return await use({ layers: opened, is_durable: true });
    } finally {
      for (const file of opened) file.close();
    }
  }

  /** The same with a layer on top that has no name and is gone with the machine; the others are not written. */
  async withThrowAway<T>(
    layers: readonly DiskLayer[],
    signal: AbortSignal,
    use: (disk: MachineDisk) => Promise<T>,
  ): Promise<T> {
    const fresh = await this.#disks.make("layer", signal);
    const opened: OpenFile[] = [fresh];
    try {
      const top = namelessFile(this.#paths.disk);
      opened.push(top);
      top.write(fresh.readAll());
      const below = layers.map(({ file }) => openExisting(this.#paths.layer(file), "r"));
      opened.push(...below);
      return await use({ layers: [...below, top], is_durable: false });
    } finally {
      for (const file of opened) file.close();
    }
  }

  /** Removes every file that the record does not name. */
  sweep(record: WorkspaceRecord): void {
    const kept = new Set(layersOf(record).map(({ file }) => file));
    for (const name of listDirectory(this.#paths.disk)) if (!kept.has(name)) remove(this.#paths.layer(name));
  }

  #nextName(): string {
    const numbers = listDirectory(this.#paths.disk).map((name) => Number(/^layer-(\d+)\.qcow2$/.exec(name)?.[1] ?? 0));
    return `layer-${Math.max(0, ...numbers) + 1}.qcow2`;
  }
}

/** Every layer that a record names. */
function layersOf({ layers, baseline, snapshots }: WorkspaceRecord): DiskLayer[] {
  return [...layers, ...(baseline?.layers ?? []), ...snapshots.flatMap((snapshot) => snapshot.layers)];
}
