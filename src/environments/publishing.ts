/** The catalog as images: roots that were built from the archive become layers, the base's shared by all, and are pushed to a registry. */
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import { ioErrorFromText, namelessFile, type OpenFile } from "../platform/files.ts";
import { requirePrograms } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { type CatalogEntry, catalog } from "./catalog.ts";
import { runGuarded, scratch } from "./guard.ts";
import { type TarTree, tarTree } from "./layers/difference.ts";
import {
  MANIFEST_TYPE,
  type WrittenImage,
  type WrittenLayer,
  writeDifference,
  writeImage,
  writeLayer,
} from "./layers/write-image.ts";
import { environmentNamed } from "./names.ts";
import { Pulls } from "./pulls.ts";
import { type InstalledEnvironment, imageHash } from "./records.ts";
import { type ImageReference, parseReference, referenceName } from "./registry/reference.ts";
import { Registry } from "./registry/registry.ts";
import type { Variables } from "./sources.ts";
import { openVerified } from "./verify.ts";

/** Whose layer lies below all others. */
const BASE = "debian:12-base";
/** Scratch of an unpacked root beside what building it takes, in `MiB`. */
const SPARE_MIB = 1024;

/** The root lies in a directory of the guard's for a moment; names are sorted, so that equal roots give an equal archive. */
const script = `
build() {
  unsquashfs -quiet -no-progress -dest root /proc/self/fd/3 >&2 || return 1
  tar --create --file /proc/self/fd/4 --directory root --sort=name --numeric-owner --format=posix \
    --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f --xattrs --xattrs-include='*' .
}
`;

/** What publishing is given. */
export interface PublishOptions {
  readonly paths: StatePaths;
  readonly env: Variables;
  readonly pyro_version: string;
  /** Entries to publish; all where it is absent */
  readonly names?: readonly string[];
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** An image that the registry has now. */
export interface PublishedImage {
  readonly name: string;
  readonly reference: string;
  readonly digest: string;
  readonly layers: readonly string[];
  /** Blobs that had to be sent */
  readonly sent: number;
}

/** Builds what the cache lacks, and pushes `registry/NAME` for every entry. */
export async function publishEnvironments(registry: string, options: PublishOptions): Promise<PublishedImage[]> {
  requirePrograms(["unsquashfs", "tar", "gzip"]);
  const wanted = catalog.filter(({ name }) => options.names?.includes(name) ?? true);
  const references = new Map(wanted.map(({ name }) => [name, parseReference(`${registry}/${name}`)]));
  const publisher = new Publisher(options);
  try {
    const published: PublishedImage[] = [];
    for (const entry of wanted) {
      const reference = references.get(entry.name);
      if (reference !== undefined) published.push(await publisher.publish(entry, reference));
    }
    return published;
  } finally {
    publisher.close();
  }
}

/** The base's tree and layer are made once. */
class Publisher {
  readonly #options: PublishOptions;
  readonly #pulls: Pulls;
  readonly #registry: Registry;
  readonly #open: OpenFile[] = [];
  #base: { readonly tree: TarTree; readonly layer: WrittenLayer } | undefined;

  constructor(options: PublishOptions) {
    this.#options = options;
    this.#pulls = new Pulls(options.paths, options.env, options.pyro_version);
    this.#registry = new Registry({ paths: options.paths, env: options.env });
  }

  async publish(entry: CatalogEntry, reference: ImageReference): Promise<PublishedImage> {
    const { signal, emit, paths } = this.#options;
    const environment = await this.#built(entry.name);
    await emit({ type: "progress", stage: entry.name, message: `Making layers of ${entry.name}` });
    const base = await this.#ensureBase();
    const layers = [base.layer];
    if (entry.name !== BASE) {
      const full = await this.#treeOf(entry, environment);
      const difference = this.#kept(await writeDifference(base.tree, full, paths.building, signal));
      layers.push(await this.#layer(difference));
    }
    const image = writeImage(layers, descriptionOf(entry, environment));
    const sent = await this.#push(layers, image, reference);
    const digests = layers.map(({ digest }) => digest);
    return {
      name: entry.name,
      reference: referenceName(reference),
      digest: image.manifest_digest,
      layers: digests,
      sent,
    };
  }

  close(): void {
    for (const file of this.#open) file.close();
  }

  async #built(name: string): Promise<InstalledEnvironment> {
    const { signal, emit } = this.#options;
    return (await this.#pulls.ensure(environmentNamed(name), { source: "archive", signal, emit })).environment;
  }

  async #ensureBase() {
    const entry = catalog.find(({ name }) => name === BASE);
    if (entry === undefined) throw new PyroError("internal_error", `the catalog has no "${BASE}"`);
    if (this.#base !== undefined) return this.#base;
    const tree = await this.#treeOf(entry, await this.#built(BASE));
    this.#base = { tree, layer: await this.#layer(tree.file) };
    return this.#base;
  }

  async #treeOf(entry: CatalogEntry, environment: InstalledEnvironment): Promise<TarTree> {
    const { paths, signal } = this.#options;
    const hash = imageHash(environment);
    const verified = await openVerified(paths.image(hash), hash, paths, signal);
    if (verified.state !== "whole")
      throw new PyroError("environment_damaged", `the image of "${entry.name}" is damaged`);
    try {
      const tar = this.#kept(namelessFile(paths.building));
      const fds = [verified.file.fd, tar.fd];
      const room = scratch(entry.scratch_mib + SPARE_MIB, paths);
      const { exit_code, log } = await runGuarded({ script, args: [], fds, ...room, signal });
      if (exit_code !== 0) throw ioErrorFromText(log.join("\n"), "unpack", paths.image(hash));
      return await tarTree(tar, signal);
    } finally {
      verified.file.close();
    }
  }

  async #layer(tar: OpenFile): Promise<WrittenLayer> {
    const layer = await writeLayer(tar, this.#options.paths.building, this.#options.signal);
    this.#kept(layer.file);
    return layer;
  }

  #kept(file: OpenFile): OpenFile {
    this.#open.push(file);
    return file;
  }

  /** Blobs first: a manifest never names what is not there. Gives how many had to be sent. */
  async #push(layers: readonly WrittenLayer[], image: WrittenImage, reference: ImageReference): Promise<number> {
    const { signal, emit, paths } = this.#options;
    await emit({ type: "progress", stage: "push", message: `Pushing ${referenceName(reference)}` });
    const config = this.#kept(namelessFile(paths.building));
    config.write(image.config);
    const blobs = [...layers, { file: config, digest: image.config_digest, size_bytes: image.config.length }];
    let sent = 0;
    for (const { file, digest, size_bytes } of blobs) {
      const outcome = await this.#registry.pushBlob({ file, digest, size_bytes }, reference, { signal, emit });
      if (outcome === "uploaded") sent += 1;
    }
    await this.#registry.pushManifest(image.manifest, MANIFEST_TYPE, reference, { signal, emit });
    return sent;
  }
}

function descriptionOf({ name, description, suite }: CatalogEntry, environment: InstalledEnvironment) {
  const created = environment.release_date ?? "";
  return {
    created,
    env: environment.env,
    cmd: ["/bin/bash"],
    working_dir: "/workspace",
    labels: {
      "org.opencontainers.image.title": name,
      "org.opencontainers.image.description": description,
      "org.opencontainers.image.created": created,
      "org.opencontainers.image.version": `${suite}-${created.slice(0, 10)}`,
      "org.opencontainers.image.vendor": "pyro",
      "org.opencontainers.image.ref.name": name,
    },
  };
}
