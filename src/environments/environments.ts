/** The cache of environments and guest kernels: what the rest of pyro asks for, by name, whole or not at all. */
import { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import { type OpenFile, openReadOnly, remove } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import type { StatePaths } from "../store/paths.ts";
import { buildImage } from "./archive.ts";
import { type CatalogEntry, catalog, defaultEnvironment, defaultVariables, findInCatalog } from "./catalog.ts";
import { type DiskKind, diskForRun, fillDisk, openNewDisk, type TreeArchive } from "./disks.ts";
import { openInitramfs } from "./initramfs.ts";
import { buildKernel, currentKernel, type InstalledKernel } from "./kernel.ts";
import { type PruneResult, pruneCache } from "./prune.ts";
import { askArchive } from "./reach.ts";
import {
  type EnvironmentImage,
  type EnvironmentSummary,
  type InstalledEnvironment,
  imageHash,
  readEnvironment,
  summaryOf,
  writeEnvironment,
} from "./records.ts";
import type { Variables } from "./sources.ts";
import { openVerified } from "./verify.ts";

/** What long work is given. */
export interface WorkOptions {
  readonly emit?: Emit | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Everything known of one environment. */
export interface EnvironmentDetails extends EnvironmentSummary {
  readonly packages: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Release of the guest kernel, where one is installed. */
  readonly kernel: string | null;
}

/** A summary, and whether the pull did anything. */
export interface PulledEnvironment extends EnvironmentSummary {
  readonly changed: boolean;
}

/** The environments of one user's cache. */
export class Environments {
  readonly #paths: StatePaths;
  readonly #env: Variables;
  readonly #version: string;

  constructor(options: { readonly paths: StatePaths; readonly env: Variables; readonly pyro_version: string }) {
    this.#paths = options.paths;
    this.#env = options.env;
    this.#version = options.pyro_version;
  }

  /** The catalog, and what of it is installed; sizes are compared, content is not hashed. */
  async list(): Promise<EnvironmentSummary[]> {
    this.#paths.checkCache();
    return catalog.map((entry) => summaryOf(entry, this.#installed(entry)));
  }

  /** Everything known of one environment. */
  async inspect(name: string): Promise<EnvironmentDetails> {
    this.#paths.checkCache();
    const entry = findInCatalog(name);
    const installed = this.#installed(entry);
    return {
      ...summaryOf(entry, installed),
      packages: entry.packages,
      env: installed?.env ?? defaultVariables,
      kernel: currentKernel(this.#paths)?.release ?? null,
    };
  }

  /** Gets an environment and the kernel into the cache; answers at once, without network, when they are there whole. */
  async pull(name: string, options: WorkOptions & { readonly force?: boolean } = {}): Promise<PulledEnvironment> {
    const entry = findInCatalog(name);
    const { environment, changed } = await this.#ensure(entry, options);
    const kernel = await this.#ensureKernel(options);
    return { ...summaryOf(entry, environment), changed: changed || kernel.changed };
  }

  /** The environment, built where the cache has no whole copy of it. */
  async ensure(name: string, options: WorkOptions = {}): Promise<InstalledEnvironment> {
    return (await this.#ensure(findInCatalog(name), options)).environment;
  }

  /** The guest kernel, fetched where the cache has no whole one. */
  async ensureKernel(options: WorkOptions & { readonly force?: boolean } = {}): Promise<InstalledKernel> {
    return (await this.#ensureKernel(options)).kernel;
  }

  /** The environment of that name in the cache, or undefined; nothing is fetched, content is not hashed. */
  installed(name: string): InstalledEnvironment | undefined {
    const entry = catalog.find((candidate) => candidate.name === name);
    return entry && this.#installed(entry);
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
    throw this.#damaged(
      `the root image ${environment.digest} of "${environment.name}" is ${verified.state}`,
      environment.name,
    );
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
    return askArchive(findInCatalog(defaultEnvironment).suite, this.#paths, this.#env, signal);
  }

  /** Removes what no record needs, and says how much that freed. */
  async prune(options: WorkOptions = {}): Promise<PruneResult> {
    this.#paths.prepareCache();
    const result = await pruneCache(this.#paths, options.signal);
    if (result !== undefined) return result;
    await options.emit?.({ type: "warning", message: "Something is being built, so that nothing was removed" });
    return { removed: [], freed_bytes: 0 };
  }

  async #ensure(
    entry: CatalogEntry,
    options: WorkOptions & { readonly force?: boolean },
  ): Promise<{ environment: InstalledEnvironment; changed: boolean }> {
    this.#paths.checkCache();
    const seen = await this.#whole(entry, options.signal);
    if (seen !== undefined && options.force !== true) return { environment: seen, changed: false };
    this.#paths.prepareCache();
    return withLock(this.#paths.environmentLock(entry.name), this.#waiting(entry.name, options), async () => {
      const other = await this.#whole(entry, options.signal);
      const isNew = other !== undefined && other.created_at !== seen?.created_at;
      if (other !== undefined && (isNew || options.force !== true)) return { environment: other, changed: false };
      return { environment: await this.#build(entry, options), changed: true };
    });
  }

  async #build(entry: CatalogEntry, options: WorkOptions): Promise<InstalledEnvironment> {
    const before = readEnvironment(entry.name, this.#paths);
    const image = await buildImage(entry, this.#paths, this.#buildOptions(options));
    const environment: InstalledEnvironment = {
      schema_version: 1,
      name: entry.name,
      digest: `sha256:${image.sha256}`,
      size_bytes: image.size_bytes,
      source: { kind: "debian-archive", suite: entry.suite, mirror: image.mirror },
      release_date: image.release_date,
      package_count: image.package_count,
      env: { ...defaultVariables },
      created_at: new Date().toISOString(),
      pyro_version: this.#version,
    };
    writeEnvironment(environment, this.#paths);
    if (before.state === "whole" && before.value.digest !== environment.digest) await this.#dropDamaged(before.value);
    return environment;
  }

  /** An image that was replaced because it is damaged is of no use to anybody; a whole one waits for prune. */
  async #dropDamaged(environment: InstalledEnvironment): Promise<void> {
    const path = this.#paths.image(imageHash(environment));
    const verified = await openVerified(path, imageHash(environment), this.#paths);
    if (verified.state === "whole") verified.file.close();
    if (verified.state === "damaged") remove(path);
  }

  async #ensureKernel(
    options: WorkOptions & { readonly force?: boolean },
  ): Promise<{ kernel: InstalledKernel; changed: boolean }> {
    const seen = await this.#wholeKernel(options.signal);
    if (seen !== undefined && options.force !== true) return { kernel: seen, changed: false };
    this.#paths.prepareCache();
    return withLock(this.#paths.kernelLock, this.#waiting("the guest kernel", options), async () => {
      const other = await this.#wholeKernel(options.signal);
      const isNew = other !== undefined && other.created_at !== seen?.created_at;
      if (other !== undefined && (isNew || options.force !== true)) return { kernel: other, changed: false };
      const build = { ...this.#buildOptions(options), pyro_version: this.#version };
      const kernel = await buildKernel(this.#paths, build);
      return { kernel, changed: true };
    });
  }

  #buildOptions(options: WorkOptions): { env: Variables; emit: Emit; signal: AbortSignal | undefined } {
    return { env: this.#env, emit: options.emit ?? (() => undefined), signal: options.signal };
  }

  #waiting(what: string, options: WorkOptions): { signal: AbortSignal | undefined; onWait: () => void } {
    const message = `Waiting for another process that is building ${what}`;
    return {
      signal: options.signal,
      onWait: () => void options.emit?.({ type: "progress", stage: "waiting", message }),
    };
  }

  /** The record of an entry whose image is there in its full size. */
  #installed(entry: CatalogEntry): InstalledEnvironment | undefined {
    const record = readEnvironment(entry.name, this.#paths);
    if (record.state !== "whole") return undefined;
    const file = openReadOnly(this.#paths.image(imageHash(record.value)));
    const size = file?.size();
    file?.close();
    return size === record.value.size_bytes ? record.value : undefined;
  }

  async #whole(entry: CatalogEntry, signal: AbortSignal | undefined): Promise<InstalledEnvironment | undefined> {
    const record = readEnvironment(entry.name, this.#paths);
    if (record.state !== "whole") return undefined;
    const hash = imageHash(record.value);
    const verified = await openVerified(this.#paths.image(hash), hash, this.#paths, signal);
    if (verified.state !== "whole") return undefined;
    verified.file.close();
    return record.value;
  }

  async #wholeKernel(signal: AbortSignal | undefined): Promise<InstalledKernel | undefined> {
    const kernel = currentKernel(this.#paths);
    return kernel !== undefined && (await kernel.isWhole(signal)) ? kernel : undefined;
  }

  #damaged(problem: string, name: string): PyroError {
    return new PyroError("environment_damaged", `${problem} in "${this.#paths.cache}"`, {
      hint: `pyro env pull ${name}`,
      details: { environment: name },
    });
  }
}
