/** Templates of machines: found, or made by booting a machine once. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Environments } from "../environments/environments.ts";
import { freeDiskBytes } from "../platform/host.ts";
import { withFreeLock, withLock } from "../platform/lock.ts";
import type { StatePaths } from "../store/paths.ts";
import { bootDeadlineMs, recordQemu } from "../vmm/qemu.ts";
import { mapsReadOnlyMemory } from "../vmm/qemu-version.ts";
import { changes, isSameClock, type TemplateOrigin } from "../vmm/template-origin.ts";
import { type OpenTemplate, type RemovedFile, type Template, TemplateStore } from "../vmm/template-store.ts";
import { DISK_BYTES, originOf, type WholeGuestParts, withMachineFiles } from "./guest-parts.ts";
import type { WorkContext } from "./machine-source.ts";

const BYTES_PER_MIB = 1_048_576;
/** Disk space below which no template is begun, in bytes: twice what one takes. */
const TEMPLATE_BYTES = 256 * BYTES_PER_MIB;
/** Disk space below which a failure is the disk's, in bytes. */
const STATE_BYTES = 16 * BYTES_PER_MIB;

/** What is known of the template that a start would use. */
export type TemplateState =
  | { readonly state: "warm"; readonly template: Template }
  | { readonly state: "stale"; readonly template: Template; readonly reason: string }
  | { readonly state: "cold" };

/** A template, and whether it was made for this call. */
export interface FoundTemplate {
  readonly open: OpenTemplate;
  readonly is_new: boolean;
}

/** Finds and makes the templates of one user's cache. */
export class Templates {
  readonly #paths: StatePaths;
  readonly #environments: Environments;
  readonly #store: TemplateStore;
  readonly #version: string;

  constructor(paths: StatePaths, environments: Environments, pyro_version: string) {
    this.#paths = paths;
    this.#environments = environments;
    this.#store = new TemplateStore(paths);
    this.#version = pyro_version;
  }

  /** The template of these parts, made where there is none; `again` makes it in any case. */
  async ensure(parts: WholeGuestParts, context: WorkContext, again = false): Promise<FoundTemplate> {
    const origin = originOf(parts);
    const seen = this.#store.open(origin, parts.tsc_khz);
    if (seen !== undefined && !again) return { open: seen, is_new: false };
    seen?.close();
    this.#paths.prepareCache();
    const onWait = () => context.emit({ type: "progress", stage: "waiting", message: waiting });
    return withLock(this.#paths.templateLock, { signal: context.signal, onWait }, async () => {
      const other = this.#store.open(origin, parts.tsc_khz);
      if (other !== undefined && (!again || other.template.created_at !== seen?.template.created_at))
        return { open: other, is_new: false };
      other?.close();
      return { open: await this.#make(parts, origin, context), is_new: true };
    });
  }

  /** Whether a start of a machine of these parts would be a restore, and why not. */
  stateOf(parts: WholeGuestParts): TemplateState {
    const origin = originOf(parts);
    const open = this.#store.open(origin, parts.tsc_khz);
    open?.close();
    if (open !== undefined) return { state: "warm", template: open.template };
    const template = this.#store.newestFor(origin);
    if (template === undefined) return { state: "cold" };
    return { state: "stale", template, reason: staleness(template, origin, parts.tsc_khz) };
  }

  /** Every template, current or not. */
  all(): Template[] {
    return this.#store.all();
  }

  /** Removes this template, but not one that has taken its place. */
  discard({ origin, created_at }: Template): void {
    this.#store.discard(origin, created_at);
  }

  noteProof(parts: WholeGuestParts, start_ms: number, network: boolean): void {
    this.#store.noteProof(originOf(parts), start_ms, network);
  }

  /** Removes what is not a whole template that is wanted; undefined while one is being made. */
  prune(isWanted: (template: Template) => Promise<boolean>): Promise<RemovedFile[] | undefined> {
    this.#paths.prepareCache();
    return withFreeLock(this.#paths.templateLock, () => this.#store.prune(isWanted));
  }

  async #make(parts: WholeGuestParts, origin: TemplateOrigin, context: WorkContext): Promise<OpenTemplate> {
    const { environment, host, mem_mib, acceleration, tsc_khz } = parts;
    await context.emit({
      type: "progress",
      stage: "template",
      message: `Booting ${environment.name} once, to restore it from then on`,
    });
    const memory = this.#store.newFile();
    const state = this.#store.newFile();
    try {
      if (freeDiskBytes(this.#paths.templates) < TEMPLATE_BYTES) throw this.#diskFull();
      memory.truncate(mem_mib * BYTES_PER_MIB);
      const programs = { ...host, agent: host.agent.path };
      const files = { memory: memory.fd, state: state.fd, disk_bytes: DISK_BYTES };
      const options = { deadline_ms: bootDeadlineMs[acceleration], signal: context.signal };
      await withMachineFiles(this.#environments, parts, undefined, context.signal, (spec) =>
        recordQemu(programs, spec, files, options),
      );
      const memory_read_only = mapsReadOnlyMemory(host.qemu_version);
      const facts = { tsc_khz, memory_read_only, pyro_version: this.#version };
      await this.#store.publish(origin, facts, { memory, state });
    } catch (thrown) {
      throw this.#fullDisk(thrown);
    } finally {
      memory.close();
      state.close();
    }
    const open = this.#store.open(origin, tsc_khz);
    if (open !== undefined) return open;
    throw new PyroError("host_io_failed", `The template of "${environment.name}" changed while it was written`);
  }

  /** On a full disk, emulation ends with SIGBUS, and KVM tries the same access for ever: neither can say why. */
  #fullDisk(thrown: unknown): unknown {
    const { code } = toPyroError(thrown);
    const mayBeDisk = code === "vm_start_failed" || code === "boot_timeout";
    return mayBeDisk && freeDiskBytes(this.#paths.templates) <= STATE_BYTES ? this.#diskFull(thrown) : thrown;
  }

  #diskFull(cause?: unknown): PyroError {
    const path = this.#paths.templates;
    return new PyroError("host_disk_full", `The disk of "${path}" is full`, { details: { path }, cause });
  }
}

const waiting = "Waiting for another process that is making a template";

/** In words, what keeps a template from being used. */
function staleness(template: Template, origin: TemplateOrigin, tsc_khz: number): string {
  const reasons = changes(template.origin, origin);
  if (!isSameClock(template.tsc_khz, tsc_khz)) reasons.push("the host's clock frequency changed");
  return reasons.length === 0 ? "its files were changed or are damaged" : reasons.join(", ");
}
