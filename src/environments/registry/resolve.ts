/** From a name to an image for linux/amd64: index, manifest, configuration, and what each says of the next. */
import { configFields } from "./config-fields.ts";
import {
  compressionOf,
  type IndexDocument,
  indexTypes,
  type ManifestDocument,
  readConfig,
  unsupported,
} from "./documents.ts";
import { type Asking, type Expected, fetchConfig, fetchManifest } from "./fetch-document.ts";
import type { ImageLayer, ResolvedImage } from "./image.ts";
import { candidates, platformsOf } from "./platforms.ts";
import { type ImageReference, referenceName } from "./reference.ts";

/** Indexes below each other, and all that are looked at (docs/design/limits.md). */
const MAX_DEPTH = 2;
const MAX_LOOKED_AT = 8;

interface FoundManifest {
  readonly digest: string;
  readonly manifest: ManifestDocument;
}

interface Search {
  readonly asking: Asking;
  /** Platforms that were seen and are not this one */
  readonly seen: string[];
  left: number;
}

/** Asks one server for everything that describes the image. */
export async function resolveImage(asking: Asking, reference: ImageReference): Promise<ResolvedImage> {
  const expected = reference.digest === undefined ? undefined : { digest: reference.digest };
  const top = await fetchManifest(asking, reference.digest ?? reference.tag ?? "latest", expected);
  const { document } = top;
  const search: Search = { asking, seen: [], left: MAX_LOOKED_AT };
  const found =
    document.kind === "manifest"
      ? { digest: top.digest, manifest: document.manifest }
      : await searchIndex(search, document.index, 1);
  if (found === undefined) throw noPlatform(asking.name, search.seen);
  const { config, config_digest, layers } = await describe(asking, found.manifest);
  return {
    reference: referenceName(reference),
    digest: found.digest,
    index_digest: document.kind === "index" ? top.digest : null,
    config,
    config_digest,
    layers,
    served_by: asking.client.endpoint.origin.origin,
  };
}

async function searchIndex(search: Search, index: IndexDocument, depth: number): Promise<FoundManifest | undefined> {
  search.seen.push(...platformsOf(index.manifests));
  for (const entry of candidates(index.manifests)) {
    const is_index = indexTypes.includes(entry.mediaType);
    if (is_index && depth === MAX_DEPTH)
      throw unsupported(`"${search.asking.name}" has more than ${MAX_DEPTH} indexes below each other`);
    search.left -= 1;
    if (search.left < 0) throw unsupported(`"${search.asking.name}" has more than ${MAX_LOOKED_AT} indexes`);
    const found = await lookAt(search, entry, depth);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lookAt(search: Search, entry: Expected, depth: number): Promise<FoundManifest | undefined> {
  const { digest, document } = await fetchManifest(search.asking, entry.digest, entry);
  if (document.kind === "manifest") return { digest, manifest: document.manifest };
  return await searchIndex(search, document.index, depth + 1);
}

async function describe(
  asking: Asking,
  manifest: ManifestDocument,
): Promise<Pick<ResolvedImage, "config" | "config_digest" | "layers">> {
  const { name } = asking;
  const document = readConfig(await fetchConfig(asking, manifest.config), `the configuration of "${name}"`);
  if (document.os !== "linux" || document.architecture !== "amd64")
    throw noPlatform(name, [`${document.os}/${document.architecture}`]);
  const diff_ids = document.rootfs.diff_ids ?? [];
  if (diff_ids.length !== manifest.layers.length)
    throw unsupported(`"${name}" has ${manifest.layers.length} layers, and its configuration is of ${diff_ids.length}`);
  const layers = manifest.layers.map(({ digest, size, mediaType }, at): ImageLayer => {
    const compression = compressionOf(mediaType) ?? "none";
    return { digest, size_bytes: size, media_type: mediaType, compression, diff_id: diff_ids[at] ?? "" };
  });
  return { config: configFields(document, `"${name}"`), config_digest: manifest.config.digest, layers };
}

function noPlatform(name: string, available: readonly string[]): Error {
  const listed = [...new Set(available)].sort();
  const what = listed.length === 0 ? "it names no platform" : `there is ${listed.join(", ")}`;
  return unsupported(`"${name}" has no image for linux/amd64: ${what}`, { available: listed });
}
