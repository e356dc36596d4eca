/** Every directory and file name that pyro creates, and the rule that they are ours alone. */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { PyroError } from "../contract/errors.ts";
import { checkPrivateDirectory, makePrivateDirectory } from "../platform/files.ts";

type Variables = Readonly<Record<string, string | undefined>>;

const cacheDirectories = [
  "images",
  "blobs",
  "environments",
  "kernels",
  "initramfs",
  "disks",
  "templates",
  "locks",
  "verified",
  "building",
  "git",
] as const;

/** Locations of state and cache for one user. */
export class StatePaths {
  readonly data: string;
  readonly cache: string;
  /** Whose directories these are. */
  readonly uid: number;

  constructor(data: string, cache: string, uid: number) {
    this.data = data;
    this.cache = cache;
    this.uid = uid;
  }

  get workspaces(): string {
    return join(this.data, "workspaces");
  }
  /** What cannot be read as a workspace, set aside so that it does not stand in the way of the others. */
  get quarantine(): string {
    return join(this.data, "quarantine");
  }
  /** Workspaces that are being made or removed: what a killed process leaves there is nobody's. */
  get staging(): string {
    return join(this.data, "staging");
  }
  /** Held while a workspace gets its name. */
  get namesLock(): string {
    return join(this.data, "names.lock");
  }
  /** What this user's sealed secrets are opened with. */
  get secretsKey(): string {
    return join(this.data, "secrets.key");
  }
  workspace(id: string): string {
    return join(this.workspaces, id);
  }
  /** The record of a workspace; a directory without one is not a workspace. */
  workspaceRecord(id: string): string {
    return join(this.workspaces, id, "workspace.json");
  }
  /** Names of what belongs to one workspace. */
  partsOf(id: string): WorkspacePaths {
    return workspacePaths(this.workspace(id));
  }
  get images(): string {
    return join(this.cache, "images");
  }
  get environments(): string {
    return join(this.cache, "environments");
  }
  get kernels(): string {
    return join(this.cache, "kernels");
  }
  get initramfsDirectory(): string {
    return join(this.cache, "initramfs");
  }
  get disks(): string {
    return join(this.cache, "disks");
  }
  get templates(): string {
    return join(this.cache, "templates");
  }
  get locks(): string {
    return join(this.cache, "locks");
  }
  get verified(): string {
    return join(this.cache, "verified");
  }
  /** Scratch of builds that do not fit in memory; empty while none runs. */
  get building(): string {
    return join(this.cache, "building");
  }
  /** What is known about KVM on this machine. */
  get kvmRecord(): string {
    return join(this.cache, "kvm.json");
  }
  /** The version of the VMM's binary. */
  get vmmRecord(): string {
    return join(this.cache, "vmm.json");
  }
  /** The clock frequency measured for emulated guests. */
  get tscRecord(): string {
    return join(this.cache, "tsc.json");
  }

  /** What git is shown in place of a checkout's own settings: no configuration, no hooks; the same for every checkout of an object format. */
  emptyRepository(objectFormat: string): string {
    return join(this.cache, "git", objectFormat);
  }
  image(sha256: string): string {
    return join(this.images, `${sha256}.squashfs`);
  }
  environmentRecord(name: string): string {
    return join(this.environments, `${slugOf(name)}.json`);
  }
  kernel(digest: string): string {
    return join(this.kernels, digest);
  }
  /** Written last: a kernel without it does not count. */
  kernelRecord(digest: string): string {
    return join(this.kernels, digest, "kernel.json");
  }
  initramfs(key: string): string {
    return join(this.initramfsDirectory, `${key}.cpio`);
  }
  /** The record of the hash that a cached file of our own making must have. */
  seal(path: string): string {
    return `${path}.json`;
  }
  /** A disk as it is when it is new. */
  newDisk(kind: "blank" | "journaled" | "layer", sizeGib: number): string {
    return join(this.disks, `${kind}-${sizeGib}.qcow2`);
  }
  /** Memory, device state and manifest of a template; the manifest is written last, and without it the others do not count. */
  template(key: string): { readonly memory: string; readonly state: string; readonly manifest: string } {
    const path = join(this.templates, key);
    return { memory: `${path}.memory`, state: `${path}.state`, manifest: `${path}.json` };
  }
  lock(name: string): string {
    return join(this.locks, `${name}.lock`);
  }
  /** Held while the environment of that name is built. */
  environmentLock(name: string): string {
    return this.lock(`environment-${slugOf(name)}`);
  }
  /** Held while the guest kernel is fetched. */
  get kernelLock(): string {
    return this.lock("kernel");
  }
  /** Held while a template is made. */
  get templateLock(): string {
    return this.lock("template");
  }
  /** Held while an initramfs is made. */
  get initramfsLock(): string {
    return this.lock("initramfs");
  }
  verifiedStamp(sha256: string): string {
    return join(this.verified, `${sha256}.json`);
  }

  /** Makes the cache's directories; raises `state_dir_unsafe` or `cache_not_writable`. */
  prepareCache(): void {
    for (const path of this.#cacheDirectories()) makePrivateDirectory(path, this.uid);
  }

  /** Makes the directories of workspaces; raises `state_dir_unsafe` or `cache_not_writable`. */
  prepareData(): void {
    for (const path of [this.data, this.workspaces, this.quarantine, this.staging])
      makePrivateDirectory(path, this.uid);
  }

  /** Checks the cache's directories as far as they exist, writing nothing. */
  checkCache(): void {
    for (const path of this.#cacheDirectories()) checkPrivateDirectory(path, this.uid);
  }

  /** Parents first; PYRO_HOME holds both kinds of state, and so is ours as well. */
  #cacheDirectories(): string[] {
    const shared = dirname(this.cache) === this.data ? [this.data] : [];
    return [...shared, this.cache, ...cacheDirectories.map((name) => join(this.cache, name))];
  }
}

/** The locations that these variables ask for; `PYRO_HOME` wins over the XDG directories. */
export function statePaths(
  env: Variables = process.env,
  uid: number = process.getuid?.() ?? 0,
  home: string = homedir(),
): StatePaths {
  const own = env["PYRO_HOME"];
  if (own !== undefined && own !== "") {
    if (!isAbsolute(own))
      throw new PyroError("invalid_input", `PYRO_HOME is "${own}", which is not an absolute path`, {
        hint: 'export PYRO_HOME="$HOME/.pyro"',
      });
    return new StatePaths(own, join(own, "cache"), uid);
  }
  const data = absolute(env["XDG_DATA_HOME"]) ?? join(home, ".local", "share");
  const cache = absolute(env["XDG_CACHE_HOME"]) ?? join(home, ".cache");
  return new StatePaths(join(data, "pyro"), join(cache, "pyro"), uid);
}

/** The XDG base directory specification says that a relative value is to be ignored. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

/** A file name for any environment name: readable, and distinct by a part of its hash. */
export function slugOf(name: string): string {
  const readable = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "_")
    .replace(/^\.+/, "")
    .slice(0, 80);
  return `${readable}-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}

/** What lies in a workspace's directory beside its record. */
export interface WorkspacePaths {
  readonly directory: string;
  /** What is written down of it */
  readonly record: string;
  /** Layers of its disk */
  readonly disk: string;
  /** The host's copy of its seed */
  readonly baseline: string;
  /** Private room of a diff; empty while none is made */
  readonly scratch: string;
  /** Values of its secrets, sealed; absent where it has none */
  readonly secrets: string;
  /** Its time of change is that of the last change of the workspace */
  readonly activity: string;
  /** What its keeper had to say that no caller heard */
  readonly keeperLog: string;
  /** Which process keeps it */
  readonly keeperRecord: string;
  layer(file: string): string;
  /** Commands and what else was done, since the reset of that number */
  history(reset_count: number): string;
  commands(reset_count: number): string;
  journal(reset_count: number): string;
}

/** The same for a directory that is no workspace yet. */
export function workspacePaths(directory: string): WorkspacePaths {
  return {
    directory,
    record: join(directory, "workspace.json"),
    disk: join(directory, "disk"),
    baseline: join(directory, "baseline"),
    scratch: join(directory, "scratch"),
    secrets: join(directory, "secrets.sealed"),
    activity: join(directory, "activity"),
    keeperLog: join(directory, "keeper.log"),
    keeperRecord: join(directory, "keeper.json"),
    layer: (file) => join(directory, "disk", file),
    history: (reset_count) => join(directory, `history-${reset_count}`),
    commands: (reset_count) => join(directory, `history-${reset_count}`, "commands"),
    journal: (reset_count) => join(directory, `history-${reset_count}`, "journal"),
  };
}

/** A baseline's files: the contents, the index that is written last, and the guest's stamps. */
export function baselineFiles(directory: string): {
  readonly pack: string;
  readonly index: string;
  readonly stamps: string;
} {
  return {
    pack: join(directory, "contents"),
    index: join(directory, "index"),
    stamps: join(directory, "stamps"),
  };
}

/** A history's files: a record of each command, its output in segments by their position, and records that cannot be read. */
export function historyFiles(directory: string): {
  readonly record: (sequence: number) => string;
  readonly segment: (sequence: number, start: number) => string;
  readonly damaged: string;
} {
  return {
    record: (sequence) => join(directory, `${sequence}.json`),
    segment: (sequence, start) => join(directory, `${sequence}.${start}.log`),
    damaged: join(directory, "damaged"),
  };
}

/** What a name in a history's directory says; undefined where it is no name of ours. */
export function historyFileOf(name: string): { readonly sequence: number; readonly start: number | null } | undefined {
  const [, sequence, start] = /^([1-9][0-9]{0,14})(?:\.json|\.(0|[1-9][0-9]{0,14})\.log)$/.exec(name) ?? [];
  if (sequence === undefined) return undefined;
  return { sequence: Number(sequence), start: start === undefined ? null : Number(start) };
}
