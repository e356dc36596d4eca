/** Images for tests: layers of random bytes, their configuration, manifests and indexes, all with their digests. */
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";

export const ociManifest = "application/vnd.oci.image.manifest.v1+json";
export const ociIndex = "application/vnd.oci.image.index.v1+json";
export const ociConfig = "application/vnd.oci.image.config.v1+json";
export const gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";
export const dockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
export const dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";

/** A document or a blob with what others say of it. */
export interface Content {
  readonly type: string;
  readonly body: Buffer;
  readonly digest: string;
}

export interface MadeImage {
  readonly manifest: Content;
  readonly config: Content;
  readonly layers: readonly Content[];
}

export function digestOf(body: Uint8Array): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

export function content(type: string, body: Buffer | string | object): Content {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return { type, body: bytes, digest: digestOf(bytes) };
}

/** What one document says of another. */
export function descriptor({ type, body, digest }: Content): { mediaType: string; digest: string; size: number } {
  return { mediaType: type, digest, size: body.length };
}

export interface ImageParts {
  /** Sizes of the layers' contents */
  readonly sizes?: readonly number[];
  readonly layers?: readonly Content[];
  readonly config?: object;
  /** Replaces fields of the manifest */
  readonly manifest?: object;
  readonly manifest_type?: string;
}

/** An image for linux/amd64 unless its parts say otherwise. */
export function makeImage(parts: ImageParts = {}): MadeImage {
  const { sizes = [2_000], manifest_type = ociManifest } = parts;
  const layers = parts.layers ?? sizes.map((size) => content(gzipLayer, gzipSync(randomBytes(size), { level: 1 })));
  const diff_ids = layers.map((layer) => digestOf(Buffer.from(layer.digest)));
  const config = content(ociConfig, {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids },
    ...parts.config,
  });
  const manifest = content(manifest_type, {
    schemaVersion: 2,
    mediaType: manifest_type,
    config: descriptor(config),
    layers: layers.map(descriptor),
    ...parts.manifest,
  });
  return { manifest, config, layers };
}

/** An index over documents, each with its platform as `os/architecture/variant`; empty for none. */
export function makeIndex(entries: readonly (readonly [platform: string, entry: Content])[], type = ociIndex): Content {
  const manifests = entries.map(([platform, entry]) => {
    const [os, architecture, variant] = platform.split("/");
    const named = { os, architecture, ...(variant !== undefined && { variant }) };
    return { ...descriptor(entry), ...(platform !== "" && { platform: named }) };
  });
  return content(type, { schemaVersion: 2, mediaType: type, manifests });
}
