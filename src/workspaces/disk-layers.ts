/** The layers of a workspace's disk: files in its directory, of which only the topmost is ever written. */
import { ensureDirectory } from "../platform/directories.ts";
import { listDirectory, namelessFile, type OpenFile, remove } from "../platform/files.ts";
import { copyToNew, openExisting } from "../platform/named-files.ts";
import type { WorkspacePaths } from "../store/paths.ts";
import type { DiskLayer, WorkspaceRecord } from "../store/workspace-record.ts";
import type { MachineDisk } from "./guest-parts.ts";
import type { MachineSource } from "./machine-source.ts";

/** Makes, opens and removes the layers of one workspace. */
export class DiskLayers {
  readonly #paths: WorkspacePaths;
  readonly #newDisk: NonNullable<MachineSource["newDisk"]>;

  constructor(paths: WorkspacePaths, newDisk: NonNullable<MachineSource["newDisk"]>) {
    this.#paths = paths;
    this.#newDisk = newDisk;
  }

  /** A new file on disk, durable, that no record names yet. */
  async make(kind: "journaled" | "layer", signal: AbortSignal): Promise<DiskLayer> {
    ensureDirectory(this.#paths.disk);
    const fresh = await this.#newDisk(kind, signal);
    try {
      const file = `layer-${this.#highest() + 1}.qcow2`;
      copyToNew(fresh, this.#paths.layer(file));
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
    const fresh = await this.#newDisk("layer", signal);
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

  #highest(): number {
    const numbers = listDirectory(this.#paths.disk).map((name) => Number(/^layer-(\d+)\.qcow2$/.exec(name)?.[1] ?? 0));
    return Math.max(0, ...numbers);
  }
}

/** Every layer that a record names. */
function layersOf({ layers, baseline, snapshots }: WorkspaceRecord): DiskLayer[] {
  return [...layers, ...(baseline?.layers ?? []), ...snapshots.flatMap((snapshot) => snapshot.layers)];
}
