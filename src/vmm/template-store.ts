/** Templates on disk: a machine's memory, the state of its devices, and a manifest, written last, that says how both must look. */
import { join } from "node:path";
import { z } from "zod";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { allocatedBytes } from "../platform/directories.ts";
import { type FileStamp, fileStamp, isSameStamp } from "../platform/file-stamp.ts";
import {
  atomicWrite,
  linkNameless,
  listDirectory,
  namelessFile,
  type OpenFile,
  openReadOnly,
  type ReadRecord,
  readJson,
  remove,
} from "../platform/files.ts";
import type { StatePaths } from "../store/paths.ts";
import { hasSamePurpose, isSameClock, type TemplateOrigin, templateKey, templateOrigin } from "./template-origin.ts";

const manifest = z.strictObject({
  schema_version: z.literal(1),
  origin: templateOrigin,
  /** Frequency of the time stamp counter that the guest's kernel was told, in kHz */
  tsc_khz: z.int(),
  memory: fileStamp,
  state: fileStamp,
  size_bytes: z.int().min(0),
  created_at: z.string(),
  pyro_version: z.string(),
  /** When a machine was restored from it to see that it works, how long that took, its first command included, and whether it got out through its gate */
  proof: z.strictObject({ at: z.string(), start_ms: z.int().min(0), network: z.boolean().default(false) }).nullable(),
});

type Manifest = z.infer<typeof manifest>;

/** A template as its manifest describes it. */
export type Template = Readonly<Omit<Manifest, "schema_version" | "memory" | "state">>;

/** What is known of a new template beside its origin. */
export interface TemplateFacts extends Pick<Template, "tsc_khz" | "pyro_version"> {
  /** The VMM opens the memory file for reading only */
  readonly memory_read_only: boolean;
}

/** A template whose files are as they were when it was made; the caller closes it. */
export interface OpenTemplate {
  readonly template: Template;
  readonly memory: OpenFile;
  readonly state: OpenFile;
  close(): void;
}

/** What was removed from the disk. */
export interface RemovedFile {
  readonly path: string;
  readonly size_bytes: number;
}

/** The templates of one user's cache. */
export class TemplateStore {
  readonly #paths: StatePaths;

  constructor(paths: StatePaths) {
    this.#paths = paths;
  }

  /** Opens the template of this origin for a host whose counter runs at `tsc_khz`; undefined where there is none that is whole. */
  open(origin: TemplateOrigin, tsc_khz: number): OpenTemplate | undefined {
    const read = this.#read(templateKey(origin));
    if (read === undefined || !isSameClock(read.tsc_khz, tsc_khz)) return undefined;
    const files = this.#paths.template(templateKey(origin));
    const memory = openUnchanged(files.memory, read.memory);
    if (memory === undefined) return undefined;
    const state = openUnchanged(files.state, read.state);
    if (state === undefined) {
      memory.close();
      return undefined;
    }
    const close = () => {
      memory.close();
      state.close();
    };
    return { template: read, memory, state, close };
  }

  /** A file without a name for one half of a template that is being made. */
  newFile(): OpenFile {
    this.#paths.prepareCache();
    return namelessFile(this.#paths.templates);
  }

  /** Keeps a template, in the place of any other of the same origin. */
  async publish(
    origin: TemplateOrigin,
    { memory_read_only, ...facts }: TemplateFacts,
    made: { readonly memory: OpenFile; readonly state: OpenFile },
  ): Promise<void> {
    const files = this.#paths.template(templateKey(origin));
    this.discard(origin);
    // A VMM that cannot map a file it may not write opens it for writing; the mode is all that stands against others.
    made.memory.chmod(memory_read_only ? 0o400 : 0o600);
    made.state.chmod(0o400);
    try {
      await linkNameless(made.memory, files.memory);
      await linkNameless(made.state, files.state);
      this.#write({
        schema_version: 1,
        origin,
        ...facts,
        memory: stampOf(files.memory),
        state: stampOf(files.state),
        size_bytes: allocatedBytes(files.memory) + allocatedBytes(files.state),
        created_at: new Date().toISOString(),
        proof: null,
      });
    } catch (thrown) {
      this.discard(origin);
      throw thrown;
    }
  }

  /** Notes that a machine was restored from the template and worked, in so many milliseconds. */
  noteProof(origin: TemplateOrigin, start_ms: number, network: boolean): void {
    const read = this.#read(templateKey(origin));
    if (read !== undefined) this.#write({ ...read, proof: { at: new Date().toISOString(), start_ms, network } });
  }

  /** Removes the template of this origin, where `created_at` is given only the one of that moment; machines that were restored from it go on. */
  discard(origin: TemplateOrigin, created_at?: string): void {
    if (created_at !== undefined && this.#read(templateKey(origin))?.created_at !== created_at) return;
    const { manifest: record, memory, state } = this.#paths.template(templateKey(origin));
    for (const path of [record, memory, state]) remove(path);
  }

  /** Every template with a manifest that can be read. */
  all(): Template[] {
    return this.#keys().flatMap((key) => this.#read(key) ?? []);
  }

  /** The newest template for this environment and shape, whatever else it was made from. */
  newestFor(origin: TemplateOrigin): Template | undefined {
    const fitting = this.all().filter((template) => hasSamePurpose(template.origin, origin));
    return fitting.sort((one, other) => one.created_at.localeCompare(other.created_at)).at(-1);
  }

  /** Removes every file here that is not part of a whole template that is wanted. */
  async prune(isWanted: (template: Template) => Promise<boolean>): Promise<RemovedFile[]> {
    const kept = new Set<string>();
    for (const key of this.#keys()) {
      const read = this.#read(key);
      if (read === undefined || !(await isWanted(read))) continue;
      const open = this.open(read.origin, read.tsc_khz);
      open?.close();
      if (open !== undefined) for (const path of Object.values(this.#paths.template(key))) kept.add(path);
    }
    const others = listDirectory(this.#paths.templates)
      .map((name) => join(this.#paths.templates, name))
      .filter((path) => !kept.has(path));
    return others.map((path) => {
      const size_bytes = allocatedBytes(path);
      remove(path);
      return { path, size_bytes };
    });
  }

  #keys(): string[] {
    return listDirectory(this.#paths.templates).flatMap((name) => /^([0-9a-f]{32})\.json$/.exec(name)?.[1] ?? []);
  }

  /** A manifest under another's name does not count. */
  #read(key: string): Manifest | undefined {
    const read = readManifest(this.#paths.template(key).manifest);
    return read.state === "whole" && templateKey(read.value.origin) === key ? read.value : undefined;
  }

  #write(value: Manifest): void {
    const path = this.#paths.template(templateKey(value.origin)).manifest;
    atomicWrite(path, `${JSON.stringify(value, null, 2)}\n`);
  }
}

/** What cannot be read is damaged, whatever lies there. */
function readManifest(path: string): ReadRecord<Manifest> {
  try {
    return readJson(path, manifest);
  } catch (thrown) {
    return { state: "damaged", reason: toPyroError(thrown).message };
  }
}

function openUnchanged(path: string, stamp: FileStamp): OpenFile | undefined {
  const file = openReadOnly(path);
  if (file === undefined || isSameStamp(file.stamp(), stamp)) return file;
  file.close();
  return undefined;
}

function stampOf(path: string): FileStamp {
  const file = openReadOnly(path);
  if (file === undefined) throw new PyroError("host_io_failed", `"${path}" was removed while it was written`);
  try {
    return file.stamp();
  } finally {
    file.close();
  }
}
