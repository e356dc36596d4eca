/** Getting environments into the cache: from which source, once for all who ask, and never in place of what is there whole. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import { withDeadline } from "../platform/deadline.ts";
import { remove } from "../platform/files.ts";
import { type LockOptions, withLock, withSharedLock } from "../platform/lock.ts";
import type { StatePaths } from "../store/paths.ts";
import type { BuildOptions } from "./archive.ts";
import type { CatalogEntry } from "./catalog.ts";
import { onlyName } from "./layers/archive-names.ts";
import { findInArchive } from "./layers/image-archive.ts";
import { type NamedEnvironment, withSuggestion } from "./names.ts";
import { pullLock } from "./pull-lock.ts";
import { type Arrival, fromDebianArchive, fromFile, fromRegistry } from "./pull-sources.ts";
import { type InstalledEnvironment, imageHash, readEnvironment, writeEnvironment } from "./records.ts";
import { type ImageReference, parseReference, referenceName } from "./registry/reference.ts";
import { Registry } from "./registry/registry.ts";
import { type PullSource, sourceSetting } from "./source-setting.ts";
import type { Variables } from "./sources.ts";
import { openVerified } from "./verify.ts";

/** What long work is given. */
export interface WorkOptions {
  readonly emit?: Emit | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PullOptions extends WorkOptions {
  /** Even though the cache has it */
  readonly force?: boolean | undefined;
  /** Without it the user's setting counts */
  readonly source?: PullSource | undefined;
}

/** An environment that is in the cache, and how it came there. */
export interface Pulled {
  readonly environment: InstalledEnvironment;
  readonly changed: boolean;
  /** Why it came from where it came from, in words */
  readonly reason: string;
  /** What the name stood for before, where that was whole */
  readonly before: InstalledEnvironment | undefined;
}

/** Time that the registry of a catalog entry has to say what it has, before the archive is taken, in milliseconds (docs/design/limits.md). */
const FIRST_ANSWER_MS = 5_000;

/** Failures of a registry in whose place the archive serves: it has nothing, or is not to be had. */
const failuresToPassOver: ReadonlySet<string> = new Set([
  "registry_unreachable",
  "registry_unauthorized",
  "registry_limited",
  "registry_refused",
  "image_not_found",
]);

const IN_CACHE = "it was in the cache";

/** Pulls for one user's cache. */
export class Pulls {
  readonly #paths: StatePaths;
  readonly #env: Variables;
  readonly #version: string;
  readonly #first_answer_ms: number;
  readonly #registry: Registry;
  /** Registries that failed in this process, and how */
  readonly #failed = new Map<string, string>();

  constructor(paths: StatePaths, env: Variables, pyro_version: string, first_answer_ms = FIRST_ANSWER_MS) {
    this.#paths = paths;
    this.#env = env;
    this.#version = pyro_version;
    this.#first_answer_ms = first_answer_ms;
    this.#registry = new Registry({ paths, env });
  }

  /** The environment, got where the cache has no whole copy of it, or where it is asked for anew. */
  async ensure(named: NamedEnvironment, options: PullOptions): Promise<Pulled> {
    const isWanted = (record: InstalledEnvironment) => isAskedAnew(record, options);
    return this.#once(named.name, options, isWanted, async (before) => {
      try {
        return await this.#arrive(named, before, options);
      } catch (thrown) {
        throw named.kind === "image" ? withSuggestion(thrown, named.name) : thrown;
      }
    });
  }

  /** The environment of that name, made of an image in a file; without a name, of the one that the file has. */
  async fromFile(name: string | undefined, path: string, options: WorkOptions): Promise<Pulled> {
    const { signal = new AbortController().signal } = options;
    this.#paths.prepareCache();
    const found = await findInArchive(path, { paths: this.#paths, signal, name });
    try {
      const isWanted = () => true;
      return await this.#once(name ?? onlyName(found.names, path), options, isWanted, async () => {
        const arrival = await fromFile(found, this.#paths, this.#buildOptions(options));
        return { arrival, reason: `it was asked for from "${path}"` };
      });
    } finally {
      found.close();
    }
  }

  /** The record of an environment whose root image is whole. */
  async whole(name: string, signal: AbortSignal | undefined): Promise<InstalledEnvironment | undefined> {
    const record = readEnvironment(name, this.#paths);
    if (record.state !== "whole") return undefined;
    const hash = imageHash(record.value);
    const verified = await openVerified(this.#paths.image(hash), hash, this.#paths, signal);
    if (verified.state !== "whole") return undefined;
    verified.file.close();
    return record.value;
  }

  /** Once for all who ask at the same time; `get` is given what is there whole, and gives nothing where that is to stay. */
  async #once(
    name: string,
    options: WorkOptions,
    isWanted: (record: InstalledEnvironment) => boolean,
    get: (before: InstalledEnvironment | undefined) => Promise<Got>,
  ): Promise<Pulled> {
    const { signal } = options;
    this.#paths.checkCache();
    const seen = await this.whole(name, signal);
    if (seen !== undefined && !isWanted(seen)) return kept(seen, IN_CACHE);
    this.#paths.prepareCache();
    return withLock(this.#paths.environmentLock(name), waitingFor(name, options), async () => {
      const before = await this.whole(name, signal);
      const isNew = before !== undefined && before.created_at !== seen?.created_at;
      if (before !== undefined && (isNew || !isWanted(before))) return kept(before, IN_CACHE);
      return withSharedLock(pullLock(this.#paths), waitingFor(name, options), async () => {
        const { arrival, reason } = await get(before);
        if (arrival === undefined && before !== undefined) return kept(before, reason);
        if (arrival === undefined) throw new PyroError("internal_error", `nothing came of the pull of "${name}"`);
        return { environment: await this.#record(name, arrival), changed: true, reason, before };
      });
    });
  }

  async #arrive(named: NamedEnvironment, before: InstalledEnvironment | undefined, options: PullOptions): Promise<Got> {
    const source = options.source ?? sourceSetting(this.#env);
    if (named.kind === "catalog") return this.#arriveOfCatalog(named.entry, source, before, options);
    if (options.source === "archive") throw noArchiveOf(named.name);
    return this.#arriveFrom(named.reference, before, options);
  }

  async #arriveOfCatalog(
    entry: CatalogEntry,
    source: PullSource,
    before: InstalledEnvironment | undefined,
    options: PullOptions,
  ): Promise<Got> {
    if (source === "archive") return this.#build(entry, options, "the archive was asked for");
    const reference = this.#registry.settings.catalog[entry.name] ?? parseReference(entry.reference);
    if (source === "registry") return this.#arriveFrom(reference, before, options);
    const known = this.#failed.get(reference.registry);
    if (known !== undefined) return this.#build(entry, options, known);
    try {
      return await this.#arriveFrom(reference, before, options, this.#first_answer_ms);
    } catch (thrown) {
      const { code, message } = toPyroError(thrown);
      if (!failuresToPassOver.has(code)) throw thrown;
      const reason = `${referenceName(reference)} was not to be had: ${message}`;
      this.#failed.set(reference.registry, reason);
      await options.emit?.({ type: "notice", message: `${entry.name} comes from the Debian archive: ${reason}` });
      return this.#build(entry, options, reason);
    }
  }

  async #build(entry: CatalogEntry, options: WorkOptions, reason: string): Promise<Got> {
    return { arrival: await fromDebianArchive(entry, this.#paths, this.#buildOptions(options)), reason };
  }

  /** From a registry; a tag that still means what is there whole brings nothing. */
  async #arriveFrom(
    reference: ImageReference,
    before: InstalledEnvironment | undefined,
    options: WorkOptions,
    patience_ms?: number,
  ): Promise<Got> {
    const build = this.#buildOptions(options);
    const registry = this.#registry;
    const name = referenceName(reference);
    const tries = patience_ms === undefined ? undefined : 1;
    const image = await withPatience(patience_ms, reference.registry, build.signal, (signal) =>
      registry.resolve(reference, { signal, emit: build.emit, tries }),
    );
    const reason = `${image.served_by} has it`;
    if (before?.source.kind === "registry" && before.source.digest === image.digest)
      return { arrival: undefined, reason: `${name} has not moved: it is ${image.digest}` };
    return { arrival: await fromRegistry(image, registry, this.#paths, build), reason };
  }

  async #record(name: string, arrival: Arrival): Promise<InstalledEnvironment> {
    const before = readEnvironment(name, this.#paths);
    const { digest, size_bytes, source, release_date, package_count, env, image } = arrival;
    const environment: InstalledEnvironment = {
      schema_version: 2,
      ...{ name, digest, size_bytes, source, release_date, package_count, env, image },
      created_at: new Date().toISOString(),
      pyro_version: this.#version,
    };
    writeEnvironment(environment, this.#paths);
    if (before.state === "whole" && before.value.digest !== digest) await this.#dropDamaged(before.value);
    return environment;
  }

  /** An image that was replaced because it is damaged is of no use to anybody; a whole one waits for prune. */
  async #dropDamaged(environment: InstalledEnvironment): Promise<void> {
    const path = this.#paths.image(imageHash(environment));
    const verified = await openVerified(path, imageHash(environment), this.#paths);
    if (verified.state === "whole") verified.file.close();
    if (verified.state === "damaged") remove(path);
  }

  #buildOptions(options: WorkOptions): BuildOptions {
    return { env: this.#env, emit: options.emit ?? (() => undefined), signal: options.signal };
  }
}

/** What a source gave; nothing where what is there is to stay. */
interface Got {
  readonly arrival: Arrival | undefined;
  readonly reason: string;
}

function kept(environment: InstalledEnvironment, reason: string): Pulled {
  return { environment, changed: false, reason, before: environment };
}

/** A source that was named wants an environment that came from there. */
function isAskedAnew({ source }: InstalledEnvironment, options: PullOptions): boolean {
  if (options.force === true) return true;
  if (options.source === "registry") return source.kind !== "registry";
  return options.source === "archive" && source.kind !== "debian-archive";
}

function noArchiveOf(name: string): PyroError {
  return new PyroError(
    "invalid_input",
    `"${name}" is an image: the Debian archive has only the catalog's environments`,
    {
      hint: `pyro env pull ${name}`,
    },
  );
}

/** What to show while another process does the same. */
export function waitingFor(what: string, options: WorkOptions): LockOptions {
  const message = `Waiting for another process that is building ${what}`;
  return { signal: options.signal, onWait: () => options.emit?.({ type: "progress", stage: "waiting", message }) };
}

/** Has somebody who does not answer in time fail as one who is not there. */
async function withPatience<T>(
  patience_ms: number | undefined,
  registry: string,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (patience_ms === undefined) return ask(signal);
  let late: AbortSignal | undefined;
  try {
    return await withDeadline(patience_ms, signal, (limited) => {
      late = limited;
      return ask(limited);
    });
  } catch (thrown) {
    if (late?.aborted !== true || signal?.aborted) throw thrown;
    throw new PyroError("registry_unreachable", `${registry} did not answer within ${patience_ms / 1000} s`, {
      cause: thrown,
    });
  }
}
