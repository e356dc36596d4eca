/** Where environments come from: the Debian archive, registries, and files of this machine; each gives a published root image and what is recorded of it. */
import { PyroError } from "../contract/errors.ts";
import type { OpenFile } from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";
import { type BuildOptions, buildImage } from "./archive.ts";
import { type CatalogEntry, defaultVariables } from "./catalog.ts";
import { buildFromLayers } from "./layers/build-image.ts";
import type { FoundInArchive } from "./layers/image-archive.ts";
import type { LayerFile } from "./layers/layer-bytes.ts";
import { type ImageFacts, type InstalledEnvironment, imageHash, readEnvironments } from "./records.ts";
import { openBlob } from "./registry/blobs.ts";
import { configFields } from "./registry/config-fields.ts";
import { readConfig } from "./registry/documents.ts";
import type { ImageConfig, ImageLayer, ResolvedImage } from "./registry/image.ts";
import type { Registry } from "./registry/registry.ts";
import { variablesOf } from "./variables.ts";
import { openVerified } from "./verify.ts";

/** What a source gave. */
export type Arrival = Pick<
  InstalledEnvironment,
  "digest" | "size_bytes" | "source" | "release_date" | "package_count" | "env" | "image"
>;

/** Builds an entry of the catalog from the signed Debian archive. */
export async function fromDebianArchive(
  entry: CatalogEntry,
  paths: StatePaths,
  options: BuildOptions,
): Promise<Arrival> {
  const image = await buildImage(entry, paths, options);
  return {
    digest: `sha256:${image.sha256}`,
    size_bytes: image.size_bytes,
    source: { kind: "debian-archive", suite: entry.suite, mirror: image.mirror },
    release_date: image.release_date,
    package_count: image.package_count,
    env: { ...defaultVariables },
    image: null,
  };
}

/** Makes a root of an image that a registry has named; layers that the cache has are not fetched again. */
export async function fromRegistry(
  image: ResolvedImage,
  registry: Registry,
  paths: StatePaths,
  options: BuildOptions,
): Promise<Arrival> {
  const env = variablesOf(image.config.env);
  const facts = factsOf(image, image.index_digest);
  const { reference, served_by, digest } = image;
  const source = { kind: "registry", reference, served_by, digest } as const;
  const root = (await builtBefore(facts, paths)) ?? (await fetched(image, registry, paths, options));
  return { ...root, source, env, image: facts, ...ofNoArchive };
}

/** Makes a root of an image in a file or directory. */
export async function fromFile(found: FoundInArchive, paths: StatePaths, options: BuildOptions): Promise<Arrival> {
  const { path } = found;
  const image = await found.open();
  const config = configFields(readConfig(image.config, path), path);
  const env = variablesOf(config.env);
  const layers = image.layers.map((layer) => ({ ...layer, media_type: layerType(layer) }));
  const facts = factsOf({ digest: image.digest, config, layers }, null);
  const source = { kind: "image-archive", path, digest: image.digest } as const;
  const root = (await builtBefore(facts, paths)) ?? (await built(image.layers, paths, options));
  return { ...root, source, env, image: facts, ...ofNoArchive };
}

function layerType({ compression }: LayerFile): string {
  return `application/vnd.oci.image.layer.v1.tar${compression === "none" ? "" : `+${compression}`}`;
}

const ofNoArchive = { release_date: null, package_count: null } as const;

/** What of a root differs from one image to the next. */
type Root = Pick<Arrival, "digest" | "size_bytes">;

async function fetched(
  image: ResolvedImage,
  registry: Registry,
  paths: StatePaths,
  options: BuildOptions,
): Promise<Root> {
  await registry.fetchBlobs(image, options);
  const layers: LayerFile[] = [];
  try {
    for (const layer of image.layers) layers.push({ ...layer, file: await layerFile(layer, paths) });
    return await built(layers, paths, options);
  } finally {
    for (const { file } of layers) file.close();
  }
}

async function layerFile({ digest }: ImageLayer, paths: StatePaths): Promise<OpenFile> {
  const file = await openBlob(digest, paths);
  if (file !== undefined) return file;
  throw new PyroError("environment_damaged", `layer ${digest} was removed or changed while it was used`);
}

async function built(layers: readonly LayerFile[], paths: StatePaths, options: BuildOptions): Promise<Root> {
  const { emit, signal = new AbortController().signal } = options;
  const { sha256, size_bytes } = await buildFromLayers(layers, paths, { emit, signal });
  return { digest: `sha256:${sha256}`, size_bytes };
}

/** The root of an image with the same layers, where one is there whole under another name. */
async function builtBefore({ layers }: ImageFacts, paths: StatePaths): Promise<Root | undefined> {
  const wanted = layers.map(({ diff_id }) => diff_id).join();
  for (const { record } of readEnvironments(paths)) {
    if (record.state !== "whole" || record.value.image?.layers.map(({ diff_id }) => diff_id).join() !== wanted)
      continue;
    const { digest, size_bytes } = record.value;
    const hash = imageHash(record.value);
    const verified = await openVerified(paths.image(hash), hash, paths);
    if (verified.state !== "whole") continue;
    verified.file.close();
    return { digest, size_bytes };
  }
  return undefined;
}

interface DescribedImage {
  readonly digest: string;
  readonly config: ImageConfig;
  readonly layers: readonly Pick<ImageLayer, "digest" | "size_bytes" | "media_type" | "diff_id">[];
}

function factsOf({ digest, config, layers }: DescribedImage, index_digest: string | null): ImageFacts {
  const { user, working_dir, entrypoint, cmd, labels, exposed_ports, created } = config;
  const shown = layers.map(({ digest: blob, size_bytes, media_type, diff_id }) => ({
    digest: blob,
    size_bytes,
    media_type,
    diff_id,
  }));
  return {
    ...{ digest, index_digest, layers: shown, user, working_dir, created },
    ...{ entrypoint: [...entrypoint], cmd: [...cmd], labels: { ...labels }, exposed_ports: [...exposed_ports] },
  };
}
