/** Images in registries: what a name stands for, and their blobs in the cache. */
import { PyroError } from "../../contract/errors.ts";
import type { Emit } from "../../contract/progress.ts";
import type { StatePaths } from "../../store/paths.ts";
import { RegistryClient } from "./client.ts";
import { CredentialStore } from "./credentials.ts";
import { downloadBlobs, isOfRegistry } from "./download.ts";
import { DownloadProgress } from "./download-progress.ts";
import type { Asking } from "./fetch-document.ts";
import type { ResolvedImage } from "./image.ts";
import { type PushContext, type PushedBlob, type PushOutcome, pushBlob, pushManifest } from "./push.ts";
import { type ImageReference, parseReference, referenceName } from "./reference.ts";
import { resolveImage } from "./resolve.ts";
import { type Endpoint, type RegistrySettings, readRegistrySettings } from "./settings.ts";
import { hostSurroundings, type RegistrySurroundings } from "./surroundings.ts";
import { Transport } from "./transport.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** What work with a registry is given. */
export interface RegistryWork {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  /** Tries of each request; 5 where absent */
  readonly tries?: number | undefined;
}

export interface RegistryOptions {
  readonly paths: StatePaths;
  readonly env: Variables;
  /** This machine, where absent */
  readonly surroundings?: RegistrySurroundings;
  /** Where credential programs are looked for; the directories for programs, where absent */
  readonly locate?: (name: string) => string | undefined;
  /** Longest silence of a server, in milliseconds */
  readonly silence_ms?: number;
}

/** What a download did. */
export interface FetchedBlobs {
  /** Bytes that came over the network */
  readonly fetched_bytes: number;
  /** Layers that were there already */
  readonly present: number;
  /** Different layers of the image */
  readonly total: number;
}

/** The registries that this user's settings and credentials lead to. */
export class Registry {
  readonly #paths: StatePaths;
  readonly #env: Variables;
  readonly #transport: Transport;
  readonly #credentials: CredentialStore;
  readonly #clients = new Map<string, RegistryClient>();
  #settings: RegistrySettings | undefined;

  constructor(options: RegistryOptions) {
    this.#paths = options.paths;
    this.#env = options.env;
    this.#transport = new Transport(options.env, options.surroundings ?? hostSurroundings, options.silence_ms);
    this.#credentials = new CredentialStore({ env: options.env, ...(options.locate && { locate: options.locate }) });
  }

  /** The user's settings; `config_invalid` where they cannot be read. */
  get settings(): RegistrySettings {
    this.#settings ??= readRegistrySettings(this.#env);
    return this.#settings;
  }

  /** Asks the mirrors and then the registry what the name stands for. */
  async resolve(reference: ImageReference, work: RegistryWork = {}): Promise<ResolvedImage> {
    const name = referenceName(reference);
    void work.emit?.({ type: "progress", stage: "resolving", message: `Asking for ${name}` });
    const clients = this.#clientsOf(reference.registry);
    for (const [at, client] of clients.entries()) {
      try {
        const image = await resolveImage(this.#asking(client, reference, work), reference);
        if (client.endpoint.is_mirror)
          await work.emit?.({ type: "notice", message: `The mirror ${client.host} answers for ${name}` });
        return image;
      } catch (thrown) {
        if (at === clients.length - 1 || work.signal?.aborted || !isOfRegistry(thrown)) throw thrown;
        const reason = thrown instanceof Error ? thrown.message : "";
        await work.emit?.({
          type: "warning",
          message: `The mirror ${client.host} is of no use for ${name}: ${reason}`,
        });
      }
    }
    throw new PyroError("internal_error", `there is no server for "${name}"`);
  }

  /** Gets every layer of an image into the cache. */
  async fetchBlobs(image: ResolvedImage, work: RegistryWork = {}): Promise<FetchedBlobs> {
    this.#paths.prepareCache();
    const reference = parseReference(image.reference);
    const blobs = [...new Map(image.layers.map((layer) => [layer.digest, layer])).values()];
    const bytes = blobs.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
    const { clock } = this.#transport.surroundings;
    const totals = { bytes, layers: blobs.length, name: image.reference };
    const progress = new DownloadProgress(totals, work.emit, clock);
    // Who answered for the name is asked first.
    const isFirst = (client: RegistryClient) => client.endpoint.origin.origin === image.served_by;
    const clients = this.#clientsOf(reference.registry);
    const asked = [...clients.filter(isFirst), ...clients.filter((client) => !isFirst(client))].map((client) =>
      this.#asking(client, reference, work),
    );
    const signal = work.signal ?? new AbortController().signal;
    const present = await downloadBlobs(blobs, { asked, paths: this.#paths, progress, signal });
    return { fetched_bytes: progress.moved_bytes, present, total: blobs.length };
  }

  /** Writes a blob to where the reference points, unless it is there; a mirror is never written to. */
  pushBlob(blob: PushedBlob, reference: ImageReference, work: RegistryWork = {}): Promise<PushOutcome> {
    return pushBlob(blob, this.#pushing(reference, work));
  }

  /** Writes a manifest under the reference's tag and gives its digest. */
  pushManifest(
    body: Uint8Array,
    media_type: string,
    reference: ImageReference,
    work: RegistryWork = {},
  ): Promise<string> {
    return pushManifest(body, media_type, this.#pushing(reference, work));
  }

  #pushing(reference: ImageReference, work: RegistryWork): PushContext {
    const client = this.#clientsOf(reference.registry).at(-1);
    if (client === undefined) throw new PyroError("internal_error", "there is no server to write to");
    const { emit, tries, signal = new AbortController().signal } = work;
    return { client, reference, signal, emit, tries };
  }

  /** The servers that have the images of a registry, the registry itself last. */
  #clientsOf(registry: string): RegistryClient[] {
    return this.settings.endpoints(registry).map((endpoint) => this.#client(endpoint));
  }

  /** One for each server, so that what authorizes requests is asked for once. */
  #client(endpoint: Endpoint): RegistryClient {
    const key = `${endpoint.origin.origin} ${endpoint.login}`;
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const client = new RegistryClient(endpoint, this.#credentials, this.#transport);
    this.#clients.set(key, client);
    return client;
  }

  #asking(client: RegistryClient, reference: ImageReference, work: RegistryWork): Asking {
    return {
      client,
      repository: reference.repository,
      name: referenceName(reference),
      signal: work.signal ?? new AbortController().signal,
      emit: work.emit,
      tries: work.tries,
    };
  }
}
