/** The cache of environments and guest kernels: what the rest of pyro asks for, by name, whole or not at all. */
import { resolve } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { type OpenFile, openReadOnly } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import type { StatePaths } from "../store/paths.ts";
import { archiveSuite, type CatalogEntry, catalog, defaultVariables } from "./catalog.ts";
import { type DiskKind, diskForRun, fillDisk, openNewDisk, type TreeArchive } from "./disks.ts";
import { openInitramfs } from "./initramfs.ts";
import { buildKernel, currentKernel, type InstalledKernel } from "./kernel.ts";
import { environmentNamed, type NamedEnvironment } from "./names.ts";
import { type PruneResult, pruneCache } from "./prune.ts";
import { type Pulled, type PullOptions, Pulls, type WorkOptions, waitingFor } from "./pulls.ts";
import { askArchive } from "./reach.ts";
import {
  descriptionOf,
  type EnvironmentImage,
  type EnvironmentSummary,
  type ImageFacts,
  type InstalledEnvironment,
  imageHash,
  readEnvironment,
  readEnvironments,
  summaryOf,
} from "./records.ts";
import type { Variables } from "./sources.ts";
import { openVerified } from "./verify.ts";

/** Everything known of one environment. */
export interface EnvironmentDetails extends EnvironmentSummary {
  readonly packages: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What its image says of itself; null where it was built from the archive or is not installed */
  readonly image: ImageFacts | null;
  /** Release of the guest kernel, where one is installed. */
  readonly kernel: string | null;
}

/** A pull can be from an image in a file or directory, whatever the name stands for elsewhere. */
export interface NamedPullOptions extends PullOptions {
  readonly from_archive?: string | undefined;
}

/** A summary, and what the pull did. */
export interface PulledEnvironment extends EnvironmentSummary {
  readonly changed: boolean;
  readonly reason: string;
  /** Digest of what the name stood for before, where there was something whole */
  readonly previous_digest: string | null;
}

/** The environments of one user's cache. */
export class Environments {
  readonly #paths: StatePaths;
  readonly #env: Variables;
  readonly #version: string;
  readonly #pulls: Pulls;

  constructor(options: { readonly paths: StatePaths; readonly env: Variables; readonly pyro_version: string }) {
    this.#paths = options.paths;
    this.#env = options.env;
    this.#version = options.pyro_version;
    this.#pulls = new Pulls(options.paths, options.env, options.pyro_version);
  }

  /** The catalog, and what of it is installed, then the images that are; sizes are compared, content is not hashed. */
  async list(): Promise<EnvironmentSummary[]> {
    this.#paths.checkCache();
    const images = readEnvironments(this.#paths).flatMap(({ record }) => {
      const installed = record.state === "whole" ? this.#installed(record.value.name) : undefined;
      return installed === undefined || isListed(installed.name) ? [] : [installed];
    });
    return [
      ...catalog.map((entry) => summaryOf(entry, this.#installed(entry.name))),
      ...images
        .sort((one, other) => one.name.localeCompare(other.name))
        .map((image) => summaryOf({ name: image.name, description: descriptionOf(image) }, image)),
    ];
  }

  /** Everything known of one environment. An image that was never pulled is not asked for: `environment_not_installed`. */
  async inspect(name: string): Promise<EnvironmentDetails> {
    this.#paths.checkCache();
    const named = environmentNamed(name);
    const installed = this.#installed(named.name);
    return {
      ...summaryOf(shownAs(named, installed), installed),
      packages: named.kind === "catalog" ? named.entry.packages : [],
      env: installed?.env ?? defaultVariables,
      image: installed?.image ?? null,
      kernel: currentKernel(this.#paths)?.release ?? null,
    };
  }

  /** Gets an environment and the kernel into the cache; answers at once, without network, when they are there whole. */
  async pull(name: string | undefined, options: NamedPullOptions = {}): Promise<PulledEnvironment> {
    const { from_archive, source } = options;
    const named = name === undefined ? undefined : environmentNamed(name);
    if (from_archive === undefined) {
      if (named === undefined)
        throw new PyroError("invalid_input", "there is no environment to pull", { hint: "pyro env pull debian:12" });
      return this.#withKernel(named, await this.#pulls.ensure(named, options), options);
    }
    if (source !== undefined)
      throw new PyroError("invalid_input", "an image from a file has no other source", { hint: "Leave --source out" });
    const pulled = await this.#pulls.fromFile(named?.name, resolve(from_archive), options);
    return this.#withKernel(environmentNamed(pulled.environment.name), pulled, options);
  }

  /** The environment, got where the cache has no whole copy of it. */
  async ensure(name: string, options: WorkOptions = {}): Promise<InstalledEnvironment> {
    return (await this.#pulls.ensure(environmentNamed(name), options)).environment;
  }

  /** The guest kernel, fetched where the cache has no whole one. */
  async ensureKernel(options: WorkOptions & { readonly force?: boolean } = {}): Promise<InstalledKernel> {
    return (await this.#ensureKernel(options)).kernel;
  }

  /** The environment of that name in the cache, or undefined; nothing is fetched, content is not hashed. */
  installed(name: string): InstalledEnvironment | undefined {
    return this.#installed(environmentNamed(name).name);
  }

  /** The guest kernel in the cache, or undefined; nothing is fetched. */
  currentKernel(): InstalledKernel | undefined {
    return currentKernel(this.#paths);
  }

  /** Opens the root image of an installed environment: the descriptor that was checked, read-only. */
  async openImage(environment: EnvironmentImage, signal?: AbortSignal): Promise<OpenFile> {
    const path = this.#paths.image(imageHash(environment));
    const verified = await openVerified(path, imageHash(environment), this.#paths, signal);
    if (verified.state === "whole") return verified.file;
    const problem = `the root image ${environment.digest} of "${environment.name}" is ${verified.state}`;
    throw this.#damaged(problem, environment.name, this.#repairOf(environment));
  }

  /** Opens the kernel image that was checked. */
  async openKernel(kernel: InstalledKernel, signal?: AbortSignal): Promise<OpenFile> {
    const file = await kernel.openVmlinux(signal);
    if (file === undefined) throw this.#damaged("the guest kernel is not whole", "debian:12");
    return file;
  }

  /** Opens the initramfs of this kernel and agent, made where the cache has none. */
  openInitramfs(kernel: InstalledKernel, agentPath: string): Promise<OpenFile> {
    return openInitramfs(kernel, agentPath, this.#paths);
  }

  /** A new disk of that kind, to be copied. */
  openNewDisk(kind: DiskKind, sizeGib: number, signal?: AbortSignal): Promise<OpenFile> {
    return openNewDisk(kind, sizeGib, this.#paths, signal);
  }

  /** Writes a new disk, whose directory `directory` is that tree, into an empty file. */
  fillDisk(
    archive: TreeArchive,
    directory: string,
    disk: OpenFile,
    sizeGib: number,
    signal: AbortSignal,
  ): Promise<void> {
    return fillDisk(archive, directory, disk, sizeGib, this.#paths, signal);
  }

  /** A writable disk without a name, for a machine that is thrown away. */
  diskForRun(sizeGib: number, signal?: AbortSignal): Promise<OpenFile> {
    return diskForRun(sizeGib, this.#paths, signal);
  }

  /** Asks the archive whether it answers: the address that did, or `archive_unreachable`. */
  askArchive(signal: AbortSignal): Promise<string> {
    return askArchive(archiveSuite, this.#paths, this.#env, signal);
  }

  /** Removes what no record needs, and says how much that freed. */
  async prune(options: WorkOptions = {}): Promise<PruneResult> {
    this.#paths.prepareCache();
    const result = await pruneCache(this.#paths, options.signal);
    if (result !== undefined) return result;
    await options.emit?.({ type: "warning", message: "Something is being built, so that nothing was removed" });
    return { removed: [], freed_bytes: 0 };
  }

  async #withKernel(named: NamedEnvironment, pulled: Pulled, options: PullOptions): Promise<PulledEnvironment> {
    const { environment, changed, reason, before } = pulled;
    const kernel = await this.#ensureKernel({ ...options, force: options.force === true && named.kind === "catalog" });
    return {
      ...summaryOf(shownAs(named, environment), environment),
      changed: changed || kernel.changed,
      reason,
      previous_digest: before?.digest ?? null,
    };
  }

  async #ensureKernel(
    options: WorkOptions & { readonly force?: boolean },
  ): Promise<{ kernel: InstalledKernel; changed: boolean }> {
    const seen = await this.#wholeKernel(options.signal);
    if (seen !== undefined && options.force !== true) return { kernel: seen, changed: false };
    this.#paths.prepareCache();
    return withLock(this.#paths.kernelLock, waitingFor("the guest kernel", options), async () => {
      const other = await this.#wholeKernel(options.signal);
      const isNew = other !== undefined && other.created_at !== seen?.created_at;
      if (other !== undefined && (isNew || options.force !== true)) return { kernel: other, changed: false };
      const { emit = () => undefined, signal } = options;
      const build = { env: this.#env, emit, signal, pyro_version: this.#version };
      const kernel = await buildKernel(this.#paths, build);
      return { kernel, changed: true };
    });
  }

  /** The record of an environment whose image is there in its full size. */
  #installed(name: string): InstalledEnvironment | undefined {
    const record = readEnvironment(name, this.#paths);
    if (record.state !== "whole") return undefined;
    const file = openReadOnly(this.#paths.image(imageHash(record.value)));
    const size = file?.size();
    file?.close();
    return size === record.value.size_bytes ? record.value : undefined;
  }

  async #wholeKernel(signal: AbortSignal | undefined): Promise<InstalledKernel | undefined> {
    const kernel = currentKernel(this.#paths);
    return kernel !== undefined && (await kernel.isWhole(signal)) ? kernel : undefined;
  }

  /** What to type for an image that a workspace was created with; its name may stand for another one since. */
  #repairOf({ name, digest }: EnvironmentImage): string | undefined {
    const named = environmentNamed(name);
    const installed = this.#installed(name);
    if (named.kind === "catalog" || installed === undefined || installed.digest === digest) return undefined;
    const { registry, repository } = named.reference;
    return `pyro env pull ${registry}/${repository}@DIGEST, with the digest that the image of "${name}" had then`;
  }

  #damaged(problem: string, name: string, hint = `pyro env pull ${name}`): PyroError {
    return new PyroError("environment_damaged", `${problem} in "${this.#paths.cache}"`, {
      hint,
      details: { environment: name },
    });
  }
}

function isListed(name: string): boolean {
  return catalog.some((entry) => entry.name === name);
}

/** Name and description; an image has none but what it says of itself. */
function shownAs(
  named: NamedEnvironment,
  installed: InstalledEnvironment | undefined,
): Pick<CatalogEntry, "name" | "description"> {
  if (named.kind === "catalog") return named.entry;
  if (installed !== undefined) return { name: named.name, description: descriptionOf(installed) };
  throw new PyroError("environment_not_installed", `"${named.name}" is not in the local cache`, {
    hint: `pyro env pull ${named.name}`,
    details: { environment: named.name },
  });
}
