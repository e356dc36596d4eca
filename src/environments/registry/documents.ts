/** Documents of images: indexes, manifests and configurations of OCI and of Docker, checked for what they claim to be. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import type { Compression } from "./image.ts";

/** Largest documents, and what may be in them (docs/design/limits.md). */
export const MAX_MANIFEST_BYTES = 4 * 1_048_576;
export const MAX_CONFIG_BYTES = 8 * 1_048_576;
export const MAX_LAYERS = 500;
export const MAX_INDEX_ENTRIES = 1_000;
export const MAX_LAYER_BYTES = 16 * 1_073_741_824;
export const MAX_IMAGE_BYTES = 64 * 1_073_741_824;
const SHOWN = 200;

export const indexTypes: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
export const manifestTypes: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const configTypes: readonly string[] = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
];
const compressions: Readonly<Record<string, Compression>> = {
  "application/vnd.oci.image.layer.v1.tar": "none",
  "application/vnd.oci.image.layer.v1.tar+gzip": "gzip",
  "application/vnd.oci.image.layer.v1.tar+zstd": "zstd",
  "application/vnd.docker.image.rootfs.diff.tar": "none",
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "gzip",
  "application/vnd.docker.image.rootfs.diff.tar.zstd": "zstd",
};

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "is no sha256 digest");
const mediaType = z.string().max(255);

const descriptor = z.looseObject({ mediaType, digest, size: z.int().min(0) });

const platform = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
});

const index = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  manifests: z
    .array(
      descriptor.extend({
        platform: platform.nullish(),
        annotations: z.record(z.string(), z.string()).nullish(),
      }),
    )
    .max(MAX_INDEX_ENTRIES),
});

const manifest = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: mediaType.optional(),
  config: descriptor,
  layers: z.array(descriptor).max(MAX_LAYERS),
});

const words = z.array(z.string()).nullish();
const wordMap = z.record(z.string(), z.string()).nullish();

const config = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  created: z.string().nullish(),
  config: z
    .looseObject({
      Env: words,
      User: z.string().nullish(),
      WorkingDir: z.string().nullish(),
      Entrypoint: words,
      Cmd: words,
      Labels: wordMap,
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.looseObject({ type: z.literal("layers"), diff_ids: z.array(digest).max(MAX_LAYERS).nullish() }),
});

export type Descriptor = z.infer<typeof descriptor>;
export type IndexDocument = z.infer<typeof index>;
export type IndexEntry = IndexDocument["manifests"][number];
export type ManifestDocument = z.infer<typeof manifest>;
export type ConfigDocument = z.infer<typeof config>;

/** An index or a manifest. */
export type ImageDocument =
  | { readonly kind: "index"; readonly index: IndexDocument }
  | { readonly kind: "manifest"; readonly manifest: ManifestDocument };

/** Something of an image that pyro does not take. */
export function unsupported(message: string, details: Readonly<Record<string, unknown>> = {}): PyroError {
  return new PyroError("image_unsupported", cleanText(message), { details });
}

/** Reads what was sent as that type; a document that is two things at once, or says that it is another, is refused. */
export function readDocument(body: Buffer, type: string, name: string): ImageDocument {
  const value = parseObject(body, name);
  if (
    /^application\/vnd\.docker\.distribution\.manifest\.v1\+(prettyjws|json)$/.test(type) ||
    value["schemaVersion"] === 1
  )
    throw unsupported(
      `${name} is in Docker's first format (schema 1), which is not supported; push it again with a current Docker`,
    );
  const is_index = indexTypes.includes(type);
  if (!is_index && !manifestTypes.includes(type)) throw wrong(name, `is of the type "${type.slice(0, SHOWN)}"`);
  const foreign = is_index ? ["config", "layers", "fsLayers"] : ["manifests", "fsLayers"];
  const found = foreign.find((key) => value[key] !== undefined);
  if (found !== undefined)
    throw wrong(name, `is both an index and a manifest: it was sent as "${type}", and has "${found}"`);
  if (value["mediaType"] !== undefined && value["mediaType"] !== type)
    throw wrong(name, `was sent as "${type}", and says that it is "${String(value["mediaType"]).slice(0, SHOWN)}"`);
  if (is_index) return { kind: "index", index: parse(index, value, name) };
  return { kind: "manifest", manifest: checked(parse(manifest, value, name), name) };
}

/** Reads the configuration that a manifest names. */
export function readConfig(body: Buffer, name: string): ConfigDocument {
  return parse(config, parseObject(body, name), name);
}

/** How the content of a layer of that type is compressed; undefined for what is no layer of ours. */
export function compressionOf(type: string): Compression | undefined {
  return Object.hasOwn(compressions, type) ? compressions[type] : undefined;
}

function checked(document: ManifestDocument, name: string): ManifestDocument {
  const { config: named, layers } = document;
  if (!configTypes.includes(named.mediaType))
    throw unsupported(`${name} is no image to run: its configuration is of the type "${named.mediaType}"`);
  if (named.size > MAX_CONFIG_BYTES) throw unsupported(`the configuration of ${name} has ${named.size} bytes`);
  for (const layer of layers) checkLayer(layer, name);
  const total = layers.reduce((sum, layer) => sum + layer.size, 0);
  if (total > MAX_IMAGE_BYTES) throw unsupported(`the layers of ${name} have ${total} bytes`);
  if (layers.length === 0) throw unsupported(`${name} has no layers, and so no files`);
  return document;
}

function checkLayer({ mediaType: type, size, digest: id }: Descriptor, name: string): void {
  if (/nondistributable|foreign/.test(type))
    throw unsupported(`${name} has a layer that the registry may not have (${type})`, { media_type: type });
  if (compressionOf(type) === undefined)
    throw unsupported(`${name} has a layer of an unknown type (${type})`, { media_type: type });
  if (size > MAX_LAYER_BYTES) throw unsupported(`the layer ${id} of ${name} has ${size} bytes`, { size });
}

function parseObject(body: Buffer, name: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(body.toString("utf8")));
  } catch {
    throw wrong(name, "is no JSON object");
  }
}

function parse<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(`${name} is not as it has to be: ${issue?.path.join(".")}: ${issue?.message}`);
}

function wrong(name: string, reason: string): PyroError {
  return new PyroError("registry_lied", cleanText(`${name} ${reason}`), { details: { claim: "type" } });
}
