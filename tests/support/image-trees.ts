/** What a root image holds, and what other programs make of the same layers, path by path. */
import { spawnSync } from "node:child_process";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { buildFromLayers, type LayeredImage } from "../../src/environments/layers/build-image.ts";
import type { LayerFile } from "../../src/environments/layers/layer-bytes.ts";
import type { LayerLimits } from "../../src/environments/layers/limits.ts";
import { OpenFile } from "../../src/platform/files.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";
import { layoutFiles, type MadeLayer, writeFiles } from "./oci-layout.ts";

export interface ListedEntry {
  readonly path: string;
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
  readonly device?: readonly number[];
  readonly same_as?: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

interface BuildMore {
  readonly limits?: LayerLimits;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: string) => void;
}

/** A place for images of a test, with a cache of its own. */
export class ImagePlace {
  readonly directory: string;
  readonly paths: StatePaths;
  #count = 0;

  constructor(directory: string) {
    this.directory = directory;
    this.paths = statePaths({ PYRO_HOME: join(directory, "home") });
    this.paths.prepareCache();
  }

  /** The root image of these layers. */
  async build(layers: readonly MadeLayer[], { onProgress, ...more }: BuildMore = {}): Promise<LayeredImage> {
    const files = layers.map((layer) => ({ layer, file: this.#blob(layer.blob) }));
    const opened = files.map(({ layer: { digest, diff_id, compression, blob }, file }) => {
      return { file, digest, diff_id, compression, size_bytes: blob.length };
    });
    const emit = (event: OperationEvent) => void (event.type === "progress" && onProgress?.(event.stage));
    const options = { signal: new AbortController().signal, emit, ...more };
    try {
      return await buildFromLayers(opened, this.paths, options);
    } finally {
      for (const { file } of files) file.close();
    }
  }

  /** What an image holds. */
  listImage(sha256: string): Map<string, ListedEntry> {
    const root = this.#fresh("root");
    run("/usr/bin/unsquashfs", ["-q", "-n", "-d", root, this.paths.image(sha256)]);
    return listAndRemove(root);
  }

  /** What umoci unpacks of an image with these layers. */
  listByUmoci(layers: readonly MadeLayer[]): Map<string, ListedEntry> {
    const layout = this.#fresh("layout");
    writeFiles(layout, layoutFiles(layers));
    const listed = this.listLayoutByUmoci(layout);
    rmSync(layout, { recursive: true });
    return listed;
  }

  /** What umoci unpacks of the image `latest` of a layout. */
  listLayoutByUmoci(layout: string): Map<string, ListedEntry> {
    const bundle = this.#fresh("bundle");
    run("/usr/bin/umoci", ["unpack", "--image", `${layout}:latest`, bundle]);
    const listed = listTree(join(bundle, "rootfs"));
    rmSync(bundle, { recursive: true });
    return listed;
  }

  #blob(bytes: Buffer): OpenFile {
    const path = this.#fresh("blob");
    writeFileSync(path, bytes);
    const file = new OpenFile(openSync(path, "r"), path);
    rmSync(path);
    return file;
  }

  #fresh(name: string): string {
    this.#count += 1;
    mkdirSync(this.directory, { recursive: true });
    return join(this.directory, `${name}-${this.#count}`);
  }
}

/** The root image of layers that are open. */
export function buildQuietly(layers: readonly LayerFile[], paths: StatePaths): Promise<LayeredImage> {
  return buildFromLayers(layers, paths, { signal: new AbortController().signal, emit: () => undefined });
}

function listAndRemove(root: string): Map<string, ListedEntry> {
  const listed = listTree(root);
  rmSync(root, { recursive: true });
  return listed;
}

/** What a directory holds, by path. */
export function listTree(root: string): Map<string, ListedEntry> {
  const lines = run("/usr/bin/python3", [join(import.meta.dirname, "list_tree.py"), root])
    .trim()
    .split("\n");
  const entries = lines.map((line) => JSON.parse(line) as ListedEntry);
  return new Map(entries.map((entry) => [entry.path, entry]));
}

/** Writes a file and gives its content. */
export function fileIn(directory: string, name: string, content: string): Buffer {
  writeFileSync(join(directory, name), content);
  return readFileSync(join(directory, name));
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 30 });
  // unsquashfs says 2 where it could not keep something that does not matter here, such as a device without the right to make it.
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return stdout;
}
