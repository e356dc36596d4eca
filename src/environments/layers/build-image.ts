/** Makes one root image of an image's layers: they are merged while they are read, and one tar stream goes into sqfstar. */
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import { isSameStamp } from "../../platform/file-stamp.ts";
import { namelessFile } from "../../platform/files.ts";
import { freeDiskBytes } from "../../platform/host.ts";
import { requirePrograms } from "../../platform/programs.ts";
import type { StatePaths } from "../../store/paths.ts";
import { publishImage } from "../archive.ts";
import { buildError } from "../archive-log.ts";
import { runGuarded, scratch } from "../guard.ts";
import { addForGuest } from "./additions.ts";
import type { Inode } from "./inode.ts";
import type { LayerFile } from "./layer-bytes.ts";
import { type LayerLimits, layerLimits } from "./limits.ts";
import { mergeLayers } from "./merge.ts";
import { type Plan, planTree } from "./plan.ts";
import { shortDigest } from "./problems.ts";
import { OutputClosed, TarOutput } from "./tar-output.ts";
import { writeTree } from "./write-tree.ts";

const BYTES_PER_MIB = 1_048_576;
const SCRATCH_MIB = 16;
/** How much smaller an image is than its files, at the least; what turns out to be larger fails where the disk is full */
const EXPECTED_RATIO = 2;
const PROGRESS_BYTES = 8 * BYTES_PER_MIB;

/**
 * sqfstar takes the present for the root's time, whatever it is told (4.5.1), and then the newest that is permitted: that of the
 * newest entry, so that equal layers give an equal image.
 */
const script = `
build() {
  export SOURCE_DATE_EPOCH=$4
  sqfstar -comp lz4 -force -quiet -no-progress -exit-on-error -root-mode "$1" -root-uid "$2" -root-gid "$3" \
    /proc/self/fd/3 <&4 >&2
}
`;

/** What a build is given besides the layers. */
export interface LayerBuildOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly limits?: LayerLimits;
}

/** A root image that was built and published. */
export interface LayeredImage {
  readonly sha256: string;
  readonly size_bytes: number;
  readonly entry_count: number;
  /** Paths that were added for the guest, without the slash in front */
  readonly added: readonly string[];
  /** What the image cannot keep, by reason, counted */
  readonly left_out: Readonly<Record<string, number>>;
}

/**
 * Builds the root image of these layers, lowest first, and publishes it as `images/<sha256>.squashfs`. Raises `image_empty`,
 * `layer_invalid`, `layer_mismatch`, `layer_truncated`, `path_escape` and `image_too_large`; nothing is published then.
 */
export async function buildFromLayers(
  layers: readonly LayerFile[],
  paths: StatePaths,
  options: LayerBuildOptions,
): Promise<LayeredImage> {
  const { signal, limits = layerLimits } = options;
  requirePrograms(layers.some(({ compression }) => compression === "zstd") ? ["sqfstar", "zstd"] : ["sqfstar"]);
  const stamps = layers.map(({ file }) => file.stamp());
  const progress = new Progress(layers, options.emit);
  const tree = await mergeLayers(layers, { signal, limits, onRead: (bytes) => progress.read(bytes) });
  const added = addForGuest(tree, layers.length);
  const plan = planTree(tree, limits);
  const left_out = Object.fromEntries(tree.leftOut);
  requireSpace(plan, paths);
  const image = namelessFile(paths.images);
  try {
    await squash(plan, layers, image.fd, { ...options, limits, root: tree.root.inode, paths, progress });
    requireUntouched(layers, stamps);
    const sha256 = await image.sha256(signal);
    await publishImage(image, sha256, paths);
    return { sha256, size_bytes: image.size(), entry_count: plan.entry_count, added, left_out };
  } finally {
    image.close();
  }
}

interface Squashing extends LayerBuildOptions {
  readonly limits: LayerLimits;
  readonly root: Inode;
  readonly paths: StatePaths;
  readonly progress: Progress;
}

async function squash(plan: Plan, layers: readonly LayerFile[], fd: number, options: Squashing): Promise<void> {
  const { limits, signal, root, paths, progress } = options;
  progress.begin(plan.stored_bytes);
  const { exit_code, log } = await runGuarded({
    script,
    args: [root.mode.toString(8), String(root.uid), String(root.gid), String(Math.max(plan.newest, root.mtime))],
    fds: [fd],
    ...scratch(SCRATCH_MIB, paths),
    signal,
    onInput: async (stream) => {
      const onWritten = (bytes: number) => progress.written(bytes);
      try {
        await writeTree(plan, layers, new TarOutput(stream), { limits, signal, onWritten });
      } catch (thrown) {
        if (!(thrown instanceof OutputClosed)) throw thrown;
      } finally {
        stream.destroy();
      }
    },
  });
  if (exit_code !== 0) throw buildError(log, "a root image of layers", paths.images);
}

function requireSpace(plan: Plan, paths: StatePaths): void {
  const free = freeDiskBytes(paths.images);
  const needed = Math.ceil(plan.stored_bytes / EXPECTED_RATIO);
  if (free >= needed) return;
  const mib = (bytes: number) => Math.floor(bytes / BYTES_PER_MIB);
  const message = `"${paths.images}" has ${mib(free)} MiB left, and the image may need ${mib(needed)} MiB`;
  throw new PyroError("host_disk_full", message, {
    details: { path: paths.images, free_mib: mib(free), needed_mib: mib(needed) },
  });
}

/** The layers were checked while they were read first; they are read again for what the image keeps. */
function requireUntouched(layers: readonly LayerFile[], stamps: readonly ReturnType<LayerFile["file"]["stamp"]>[]) {
  for (const [at, { file, digest }] of layers.entries()) {
    const before = stamps[at];
    if (before === undefined || !isSameStamp(before, file.stamp()))
      throw new PyroError("layer_mismatch", `layer ${shortDigest(digest)} changed while it was read`, {
        details: { layer: digest },
      });
  }
}

/** Progress in bytes: of the blobs while they are checked, of the layers while they are merged. */
class Progress {
  readonly #emit: Emit;
  readonly #blobs: number;
  #done = 0;
  #total = 0;
  #shown = 0;

  constructor(layers: readonly LayerFile[], emit: Emit) {
    this.#emit = emit;
    this.#blobs = layers.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  }

  read(bytes: number): void {
    this.#done += bytes;
    this.#say("checking", "Checking the layers", this.#blobs);
  }

  begin(total: number): void {
    [this.#done, this.#shown, this.#total] = [0, 0, total];
    this.#say("compressing", "Making the root image", total);
  }

  written(bytes: number): void {
    this.#done += bytes;
    if (this.#done - this.#shown < PROGRESS_BYTES) return;
    this.#shown = this.#done;
    this.#say("compressing", "Making the root image", Math.max(this.#total, this.#done));
  }

  #say(stage: string, message: string, total: number): void {
    void this.#emit({ type: "progress", stage, message, done: this.#done, total, unit: "bytes" });
  }
}
