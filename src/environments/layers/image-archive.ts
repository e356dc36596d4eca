/** Images in files: OCI layouts (a directory, a tar, a compressed tar) and archives of docker save, old and new. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import type { StatePaths } from "../../store/paths.ts";
import { compressionOf, type FilePart, openArchiveFiles } from "./archive-files.ts";
import { readDockerSave } from "./docker-save.ts";
import { imageConfig } from "./image-documents.ts";
import type { LayerFile } from "./layer-bytes.ts";
import { layerLimits } from "./limits.ts";
import { readLayout } from "./oci-layout.ts";
import { type FoundImage, OpenArchive, requireEqual } from "./open-archive.ts";

/** An image whose layers are read in place: open until it is closed. */
export interface ArchivedImage {
  /** Of its manifest; where it has none, as in old archives of docker save, of its configuration */
  readonly digest: string;
  /** The configuration's bytes, whose hash was compared */
  readonly config: Buffer;
  readonly config_digest: string;
  /** Lowest first; blobs were compared with their digests where the archive has any, and have a `diff_id` in any case */
  readonly layers: readonly LayerFile[];
  close(): void;
}

export interface ArchiveOptions {
  readonly paths: StatePaths;
  readonly signal: AbortSignal;
  /** Which image, by the name or tag it has in the archive, where that has several */
  readonly name?: string | undefined;
}

/** An image that was found in an archive, its layers not yet checked: open until it is closed. */
export interface FoundInArchive {
  readonly path: string;
  /** What the archive calls it: references, or tags alone */
  readonly names: readonly string[];
  /** Checks the layers, and opens them in place; they are closed with the archive */
  open(): Promise<Omit<ArchivedImage, "close">>;
  close(): void;
}

/** Opens an archive and finds one image in it; raises `image_archive_*`. */
export async function findInArchive(path: string, options: ArchiveOptions): Promise<FoundInArchive> {
  const files = await openArchiveFiles(path, options.paths, options.signal);
  try {
    const archive = new OpenArchive(path, files);
    const isLayout = files.open("oci-layout") !== undefined && files.open("index.json") !== undefined;
    const isDocker = files.open("manifest.json") !== undefined;
    if (!isLayout && !isDocker) throw archive.invalid("has neither an index.json nor a manifest.json");
    const found = await (isLayout ? readLayout(archive, options.name) : readDockerSave(archive, options.name));
    const { names, digest, config, config_digest } = found;
    const layers = () => layersOf(archive, found, options.signal);
    const open = async () => ({ digest, config, config_digest, layers: await layers() });
    return { path, names, open, close: () => files.close() };
  } catch (thrown) {
    files.close();
    throw thrown;
  }
}

/** Finds one image in an archive and opens it; raises `image_archive_*`, `layer_mismatch`, `image_empty` and `image_too_large`. */
export async function readImageArchive(path: string, options: ArchiveOptions): Promise<ArchivedImage> {
  const found = await findInArchive(path, options);
  try {
    return { ...(await found.open()), close: found.close };
  } catch (thrown) {
    found.close();
    throw thrown;
  }
}

async function layersOf(archive: OpenArchive, found: FoundImage, signal: AbortSignal): Promise<LayerFile[]> {
  const { architecture, os, rootfs } = archive.parse(found.config, imageConfig, "configuration");
  if (architecture !== "amd64" || os !== "linux")
    throw new PyroError(
      "image_archive_unsuitable",
      `the image in ${showPath(archive.path)} is for ${showPath(`${os}/${architecture}`)}`,
      { details: { path: archive.path, platforms: [`${os}/${architecture}`] } },
    );
  const ids = rootfs.diff_ids;
  if (found.blobs.length !== ids.length)
    throw archive.invalid(`has ${found.blobs.length} layers, where its configuration has ${ids.length}`);
  if (ids.length === 0) throw new PyroError("image_empty", `the image in ${showPath(archive.path)} has no layers`);
  if (ids.length > layerLimits.layers)
    throw new PyroError("image_too_large", `the image in ${showPath(archive.path)} has ${ids.length} layers`, {
      details: { limit: layerLimits.layers },
    });
  const layers: LayerFile[] = [];
  for (const [at, { part, digest }] of found.blobs.entries()) {
    const diff_id = ids[at] ?? "";
    if (digest !== undefined) await requireDigest(part, digest, signal);
    layers.push({ ...part, digest: digest ?? diff_id, diff_id, compression: await compressionOf(part) });
  }
  return layers;
}

async function requireDigest(part: FilePart, digest: string, signal: AbortSignal): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of chunksOf(part.file, part.offset, part.size_bytes)) {
    if (signal.aborted) throw new PyroError("cancelled", "cancelled while an image archive was checked");
    hash.update(chunk);
  }
  requireEqual(`sha256:${hash.digest("hex")}`, digest);
}
