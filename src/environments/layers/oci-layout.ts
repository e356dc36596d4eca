/** One image of an OCI layout: from the index over the manifest to the blobs, each compared with its digest. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { hintFor, isNamed } from "./archive-names.ts";
import { type Descriptor, imageConfig, imageIndex, imageManifest } from "./image-documents.ts";
import { type FoundBlob, type FoundImage, type OpenArchive, requireEqual } from "./open-archive.ts";

/** An index, and the ones that it names */
const MAX_DEPTH = 2;
const INDEX_TYPE = /\.(image\.index|distribution\.manifest\.list)\.v[12]\+json$/;
const LAYER_TYPE =
  /^application\/vnd\.(oci\.image\.layer\.v1\.tar|docker\.image\.rootfs\.diff\.tar)([.+](gzip|zstd))?$/;
const nameKeys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"] as const;

/** The only image there is, or the one of that name. */
export async function readLayout(archive: OpenArchive, name: string | undefined): Promise<FoundImage> {
  const bytes = (await archive.read("index.json")) ?? Buffer.alloc(0);
  const { manifests } = archive.parse(bytes, imageIndex, "index.json");
  const named = manifests.filter((each) => name !== undefined && namesOf(each).some((said) => isNamed(said, name)));
  const found = await fitting(archive, named.length > 0 ? named : manifests, 1);
  const [first, ...others] = [...new Map(found.map((each) => [each.manifest.digest, each])).values()];
  if (first !== undefined && others.length === 0) {
    const same = found.filter(({ manifest }) => manifest.digest === first.manifest.digest);
    return openManifest(archive, first.manifest, [...new Set(same.flatMap(({ names }) => names))]);
  }
  const offered = manifests.map((each) => namesOf(each)[0] ?? platformOf(each) ?? each.digest).slice(0, 20);
  const problem = first === undefined ? "no image for linux/amd64" : `${1 + others.length} images for linux/amd64`;
  const wanted = name === undefined ? "" : `, and none alone with the name ${showPath(name)}`;
  const list = offered.map((each) => showPath(each)).join(", ") || "nothing";
  throw new PyroError("image_archive_unsuitable", `${showPath(archive.path)} has ${problem}${wanted}; it has ${list}`, {
    ...(first && { hint: hintFor(first.names[0], archive.path) }),
    details: { path: archive.path, offered },
  });
}

/** A manifest, and what it or the index that led to it is called. */
interface FoundManifest {
  readonly manifest: Descriptor;
  readonly names: readonly string[];
}

/** A name that another program gives in full comes before the tag that goes with it. */
function namesOf({ annotations = {} }: Descriptor): string[] {
  return nameKeys.flatMap((key) => annotations[key] || []);
}

function platformOf({ platform }: Descriptor): string | undefined {
  return platform === undefined ? undefined : `${platform.os}/${platform.architecture}`;
}

/** Manifests for this kind of machine; one that does not say what it is for is asked for its configuration. */
async function fitting(
  archive: OpenArchive,
  manifests: readonly Descriptor[],
  depth: number,
  above: readonly string[] = [],
): Promise<FoundManifest[]> {
  const found: FoundManifest[] = [];
  for (const each of manifests) {
    const names = [...above, ...namesOf(each)];
    if (INDEX_TYPE.test(each.mediaType ?? "")) {
      if (depth >= MAX_DEPTH + 1) throw archive.invalid("has indexes within indexes within indexes");
      const inner = archive.parse(await blob(archive, each), imageIndex, "index");
      found.push(...(await fitting(archive, inner.manifests, depth + 1, names)));
    } else if ((platformOf(each) ?? (await platformByConfig(archive, each))) === "linux/amd64")
      found.push({ manifest: each, names });
  }
  return found;
}

async function platformByConfig(archive: OpenArchive, manifest: Descriptor): Promise<string> {
  const { config } = archive.parse(await blob(archive, manifest), imageManifest, "manifest");
  const { os, architecture } = archive.parse(await blob(archive, config), imageConfig, "configuration");
  return `${os}/${architecture}`;
}

async function openManifest(
  archive: OpenArchive,
  descriptor: Descriptor,
  names: readonly string[],
): Promise<FoundImage> {
  const manifest = archive.parse(await blob(archive, descriptor), imageManifest, "manifest");
  const config = await blob(archive, manifest.config);
  const blobs = manifest.layers.map((layer): FoundBlob => {
    if (!LAYER_TYPE.test(layer.mediaType ?? ""))
      throw archive.invalid(`has a layer of the type ${showPath(layer.mediaType ?? "")}, which is not read`);
    return { part: locate(archive, layer), digest: layer.digest };
  });
  return { names, digest: descriptor.digest, config, config_digest: manifest.config.digest, blobs };
}

function locate(archive: OpenArchive, { digest, size }: Descriptor): FoundBlob["part"] {
  const part = archive.files.open(`blobs/${digest.replace(":", "/")}`);
  if (part === undefined) throw archive.invalid(`has no blob ${digest}`);
  if (part.size_bytes !== size)
    throw new PyroError(
      "layer_mismatch",
      `the blob ${digest} has ${part.size_bytes} bytes where ${size} are announced`,
      {
        details: { digest, expected: size, found: part.size_bytes },
      },
    );
  return part;
}

async function blob(archive: OpenArchive, descriptor: Descriptor): Promise<Buffer> {
  locate(archive, descriptor);
  const bytes = (await archive.read(`blobs/${descriptor.digest.replace(":", "/")}`)) ?? Buffer.alloc(0);
  requireEqual(`sha256:${createHash("sha256").update(bytes).digest("hex")}`, descriptor.digest);
  return bytes;
}
