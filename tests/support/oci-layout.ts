/** Writes images as tests need them: OCI layouts and docker save archives, whose layers are made in memory. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { LayerCompression } from "../../src/environments/layers/layer-bytes.ts";

/** A layer as it goes into an image. */
export interface MadeLayer {
  readonly tar: Buffer;
  readonly blob: Buffer;
  readonly compression: LayerCompression;
  readonly diff_id: string;
  readonly digest: string;
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export function layerOf(tar: Buffer, compression: LayerCompression = "gzip"): MadeLayer {
  const blob = compressed(tar, compression);
  return { tar, blob, compression, diff_id: digestOf(tar), digest: digestOf(blob) };
}

function compressed(tar: Buffer, compression: LayerCompression): Buffer {
  if (compression === "none") return tar;
  if (compression === "gzip") return gzipSync(tar, { level: 1 });
  const { stdout, status } = spawnSync("/usr/bin/zstd", ["-q", "-c", "-3"], { input: tar, maxBuffer: 1 << 30 });
  if (status !== 0) throw new Error("zstd failed");
  return stdout;
}

const layerType = (compression: LayerCompression) =>
  `application/vnd.oci.image.layer.v1.tar${compression === "none" ? "" : `+${compression}`}`;

export interface LayoutOptions {
  readonly architecture?: string;
  /** Under which the image is named in the index */
  readonly name?: string;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** A whole image as the documents and blobs of a layout, by their paths in it. */
export function layoutFiles(layers: readonly MadeLayer[], options: LayoutOptions = {}): Map<string, Buffer> {
  const files = new Map<string, Buffer>([["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);
  const put = (mediaType: string, bytes: Buffer) => {
    files.set(`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const config = put("application/vnd.oci.image.config.v1+json", configOf(layers, options));
  const listed = layers.map((layer) => put(layerType(layer.compression), layer.blob));
  const manifestType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: listed };
  const annotations = { "org.opencontainers.image.ref.name": options.name ?? "latest" };
  const platform = { architecture: options.architecture ?? "amd64", os: "linux" };
  const described = { ...put(manifestType, Buffer.from(JSON.stringify(manifest))), platform, annotations };
  files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [described] })));
  return files;
}

export function configOf(layers: readonly MadeLayer[], { architecture = "amd64", config = {} }: LayoutOptions): Buffer {
  const rootfs = { type: "layers", diff_ids: layers.map(({ diff_id }) => diff_id) };
  return Buffer.from(JSON.stringify({ architecture, os: "linux", config, rootfs, history: [] }));
}

/** Writes files into a directory. */
export function writeFiles(directory: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of files) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
}
