/** Two images of ten layers and 500 MiB for the figures that are about images, nine layers in common, as an OCI layout below the bench's scratch. */
import { createHash } from "node:crypto";
import { mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { impliedDirectory } from "../src/environments/layers/inode.ts";
import type { LayerFile } from "../src/environments/layers/layer-bytes.ts";
import { tarEnd, tarHeader, tarPadding } from "../src/environments/layers/tar-write.ts";
import { OpenFile } from "../src/platform/files.ts";
import type { BenchContext } from "./context.ts";

export const IMAGE_LAYERS = 10;
export const IMAGE_MIB = 500;
const FILE_BYTES = 65_536;
const FILES = (IMAGE_MIB * 1_048_576) / IMAGE_LAYERS / FILE_BYTES;

export interface BenchImage {
  /** The layout, whose image is named `latest`, and whose other one is named `next` */
  readonly path: string;
  readonly layers: readonly LayerFile[];
  /** In the place of the last layer, in the other image */
  readonly tenth: LayerFile;
}

/** Makes the image, hands it over and removes it. */
export async function withImage<T>(context: BenchContext, use: (image: BenchImage) => Promise<T>): Promise<T> {
  const path = join(context.scratch, `image-${process.pid}`);
  const blobs = join(path, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true, mode: 0o700 });
  const layers: LayerFile[] = [];
  try {
    for (let number = 0; number <= IMAGE_LAYERS; number += 1) layers.push(writeLayer(blobs, number));
    const latest = layers.slice(0, IMAGE_LAYERS);
    const tenth = layers[IMAGE_LAYERS];
    if (tenth === undefined) throw new Error("the image has no layers");
    const next = [...latest.slice(0, -1), tenth];
    writeIndex(path, { latest: writeManifest(blobs, latest), next: writeManifest(blobs, next) });
    return await use({ path, layers: latest, tenth });
  } finally {
    for (const { file } of layers) file.close();
    rmSync(path, { recursive: true });
  }
}

function writeLayer(blobs: string, number: number): LayerFile {
  const tar = layerTar(number);
  const diff_id = digestOf(tar);
  const { digest, size, path } = writeBlob(blobs, gzipSync(tar));
  return { file: new OpenFile(openSync(path, "r"), path), digest, diff_id, compression: "gzip", size_bytes: size };
}

/** Files of which a half can be compressed, as with programs and their texts. */
function layerTar(number: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < FILES; at += 1) {
    const name = `layer-${number}/directory-${at % 20}/file-${at}`;
    const inode = { ...impliedDirectory, kind: "file", mode: 0o644, mtime: 1_700_000_000, size: FILE_BYTES } as const;
    parts.push(tarHeader(name, inode), content(number * FILES + at), tarPadding(FILE_BYTES));
  }
  return Buffer.concat([...parts, tarEnd()]);
}

function content(seed: number): Buffer {
  const bytes = Buffer.alloc(FILE_BYTES, `line of text number ${seed}\n`);
  for (let at = 0; at < FILE_BYTES / 2; at += 32) createHash("sha256").update(`${seed}:${at}`).digest().copy(bytes, at);
  return bytes;
}

interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const typeOf = (kind: string) => `application/vnd.oci.image.${kind}`;
const json = (document: unknown) => Buffer.from(JSON.stringify(document));

function writeManifest(blobs: string, layers: readonly LayerFile[]): Described {
  const rootfs = { type: "layers", diff_ids: layers.map(({ diff_id }) => diff_id) };
  const config = writeBlob(blobs, json({ architecture: "amd64", os: "linux", config: {}, rootfs }));
  const mediaType = typeOf("layer.v1.tar+gzip");
  const manifest = {
    schemaVersion: 2,
    mediaType: typeOf("manifest.v1+json"),
    config: described(config, typeOf("config.v1+json")),
    layers: layers.map(({ digest, size_bytes }) => ({ mediaType, digest, size: size_bytes })),
  };
  return described(writeBlob(blobs, json(manifest)), manifest.mediaType);
}

function described({ digest, size }: { digest: string; size: number }, mediaType: string): Described {
  return { mediaType, digest, size };
}

function writeIndex(path: string, images: Readonly<Record<string, Described>>): void {
  const manifests = Object.entries(images).map(([name, manifest]) => {
    return { ...manifest, annotations: { "org.opencontainers.image.ref.name": name } };
  });
  writeFileSync(join(path, "index.json"), json({ schemaVersion: 2, manifests }));
  writeFileSync(join(path, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
}

function writeBlob(blobs: string, bytes: Buffer): { digest: string; size: number; path: string } {
  const digest = digestOf(bytes);
  const path = join(blobs, digest.slice("sha256:".length));
  writeFileSync(path, bytes);
  return { digest, size: bytes.length, path };
}

const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
