/** A cache and a registry client for one test: its own home, no credentials, and pauses that are written down and not waited for. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { type FetchedBlobs, Registry } from "../../src/environments/registry/registry.ts";
import { hostSurroundings, type RegistrySurroundings } from "../../src/environments/registry/surroundings.ts";
import { connectToAddress } from "../../src/platform/outbound-connection.ts";
import { type StatePaths, statePaths } from "../../src/store/paths.ts";

export interface PlaceOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly surroundings?: Partial<RegistrySurroundings>;
  readonly locate?: (name: string) => string | undefined;
  readonly silence_ms?: number;
}

export class RegistryPlace {
  readonly directory = mkdtempSync(join(tmpdir(), "pyro-registry-"));
  readonly paths: StatePaths;
  readonly events: OperationEvent[] = [];
  /** Pauses between tries, in milliseconds */
  readonly pauses: number[] = [];
  readonly registry: Registry;

  constructor(options: PlaceOptions = {}) {
    const home = join(this.directory, "home");
    const env = { PYRO_HOME: home, HOME: this.directory, ...options.env };
    this.paths = statePaths(env);
    this.paths.prepareCache();
    const wait = async (ms: number) => void this.pauses.push(ms);
    this.registry = new Registry({
      paths: this.paths,
      env,
      surroundings: { ...hostSurroundings, wait, ...options.surroundings },
      locate: options.locate ?? (() => undefined),
      ...(options.silence_ms !== undefined && { silence_ms: options.silence_ms }),
    });
  }

  readonly emit = (event: OperationEvent) => void this.events.push(event);

  /** Resolves a name and gets its layers. */
  async pull(name: string, signal?: AbortSignal): Promise<FetchedBlobs> {
    const work = { emit: this.emit, signal };
    return await this.registry.fetchBlobs(await this.registry.resolve(parseReference(name), work), work);
  }

  /** Names in the cache of blobs. */
  blobs(): string[] {
    return readdirSync(join(this.paths.cache, "blobs")).sort();
  }

  configure(config: object): void {
    writeFileSync(join(this.paths.data, "config.json"), JSON.stringify(config));
  }

  dockerConfig(config: object | string): void {
    mkdirSync(join(this.directory, ".docker"), { recursive: true });
    const text = typeof config === "string" ? config : JSON.stringify(config);
    writeFileSync(join(this.directory, ".docker", "config.json"), text);
  }

  warnings(): string[] {
    return this.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A network in which names have the addresses that are given, and addresses lead to ports of this machine. */
export function pretendNetwork(
  names: Readonly<Record<string, string>>,
  ports: Readonly<Record<string, number>>,
): Pick<RegistrySurroundings, "lookup" | "connect"> & { readonly connected: string[] } {
  const connected: string[] = [];
  return {
    connected,
    lookup: async (name) => {
      const address = names[name];
      if (address === undefined) throw new Error(`no such name: ${name}`);
      return [address];
    },
    connect: async (address, port, signal) => {
      connected.push(`${address}:${port}`);
      const local = ports[address];
      if (local === undefined) return await connectToAddress(address, port, signal);
      return { ...(await connectToAddress("127.0.0.1", local, signal)), peer: address };
    },
  };
}
