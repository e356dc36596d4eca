/** Virtual machines of installed environments: gets what is missing, chooses the acceleration, and restores or boots. */
import { type PyroError, toPyroError } from "../contract/errors.ts";
import type { Environments } from "../environments/environments.ts";
import type { InstalledKernel } from "../environments/kernel.ts";
import type { EnvironmentImage } from "../environments/records.ts";
import { findProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { version } from "../version.ts";
import { guestAgent } from "../vmm/guest-agent.ts";
import { chooseAcceleration, type KvmVerdict, kvmVerdict } from "../vmm/kvm.ts";
import { diskSerial, type Machine } from "../vmm/machine.ts";
import { bootDeadlineMs, bootQemu, type QemuBase, type QemuPrograms, restoreQemu } from "../vmm/qemu.ts";
import type { Acceleration } from "../vmm/qemu-args.ts";
import { qemuVersion } from "../vmm/qemu-version.ts";
import { changes } from "../vmm/template-origin.ts";
import type { Template } from "../vmm/template-store.ts";
import { tscKhz } from "../vmm/tsc.ts";
import {
  DISK_BYTES,
  DISK_GIB,
  type GuestParts,
  type HostParts,
  type MachineDisk,
  originOf,
  type WholeGuestParts,
  withMachineFiles,
} from "./guest-parts.ts";
import type { DiskSource, MachineRequest, MachineSource, OpenMachine, WorkContext } from "./machine-source.ts";
import { type FoundTemplate, Templates } from "./templates.ts";

/** Where commands run. */
const WORKSPACE = "/workspace";
/** Shape of a machine that only has to answer. */
const BARE = { vcpu_count: 1, mem_mib: 256 } as const;
/** Time within which the agent answers a call, in milliseconds (docs/design/limits.md). */
const CALL_DEADLINE_MS = 30_000;

/** Time in which QEMU must have read a template, in milliseconds: several hundred times what it takes alone. */
const RESTORE_DEADLINE_MS = 30_000;

/** How a machine begins: booted or restored. */
type Start = (programs: QemuPrograms, spec: QemuBase) => Promise<Machine>;

/** Opens QEMU machines from one user's cache: restored from templates, booted where that is not to be. */
export class GuestSource implements MachineSource {
  readonly paths: StatePaths;
  readonly templates: Templates;
  readonly #environments: Environments;
  readonly #demanded: string | undefined;
  #found: HostParts | undefined;

  /** `demanded` is the value of PYRO_ACCEL. */
  constructor(paths: StatePaths, environments: Environments, demanded: string | undefined) {
    this.paths = paths;
    this.templates = new Templates(paths, environments, version);
    this.#environments = environments;
    this.#demanded = demanded;
  }

  async open(request: MachineRequest, context: WorkContext): Promise<OpenMachine> {
    const parts = await this.parts(request, context);
    const found = await this.#template(parts, context);
    return found === undefined
      ? this.#boot(parts, request.disk, context)
      : this.#restore(parts, request.disk, found, context);
  }

  /** The same, booted although there may be a template. */
  async openCold(request: MachineRequest, context: WorkContext): Promise<OpenMachine> {
    return this.#boot(await this.parts(request, context), request.disk, context);
  }

  async image(environment: string, context: WorkContext): Promise<EnvironmentImage> {
    const { name, digest, env } = await this.#environments.ensure(environment, context);
    return { name, digest, env };
  }

  readonly disks: DiskSource = {
    make: (kind, signal) => this.#environments.openNewDisk(kind, DISK_GIB, signal),
    fill: (tree, disk, signal) => this.#environments.fillDisk(tree, WORKSPACE.slice(1), disk, DISK_GIB, signal),
  };

  /** A machine without an environment, for examination; needs a kernel in the cache. */
  async openBare(context: WorkContext): Promise<OpenMachine> {
    const host = await this.#host();
    const kernel = await this.#environments.ensureKernel(context);
    const acceleration = await this.#acceleration(kernel, context.signal);
    return this.#boot({ ...(await this.#bare(host, kernel)), acceleration }, undefined, context);
  }

  /** What a machine for this request is made of; what is missing is fetched. */
  async parts(request: MachineRequest, context: WorkContext): Promise<WholeGuestParts> {
    const host = await this.#host();
    const environment = request.image ?? (await this.#environments.ensure(request.environment, context));
    const kernel = await this.#environments.ensureKernel(context);
    const acceleration = await this.#acceleration(kernel, context.signal);
    const { vcpu_count, mem_mib } = request;
    return { host, environment, kernel, acceleration, tsc_khz: await this.#tscKhz(host), vcpu_count, mem_mib };
  }

  /** Why a template does not serve here, in words; empty where it does. Its files are not looked at. */
  async changesSince({ origin }: Template): Promise<string[]> {
    const environment = this.#environments.installed(origin.environment);
    const kernel = this.kernel();
    if (environment === undefined || kernel === undefined) return ["environment is not in the cache"];
    const { acceleration, vcpu_count, mem_mib } = origin;
    const parts = { host: await this.#host(), environment, kernel, acceleration, tsc_khz: 0, vcpu_count, mem_mib };
    return changes(origin, originOf(parts));
  }

  /** The kernel in the cache, where there is one. */
  kernel(): InstalledKernel | undefined {
    return this.#environments.currentKernel();
  }

  /** Whether nothing can run before something is pulled: no kernel, or no environment, is in the cache. */
  async needsPull(): Promise<boolean> {
    if (this.kernel() === undefined) return true;
    return (await this.#environments.list()).every(({ installed }) => !installed);
  }

  /** The address of the archive that answered; throws `archive_unreachable`. */
  askArchive(signal: AbortSignal): Promise<string> {
    return this.#environments.askArchive(signal);
  }

  /** Tries KVM anew with the kernel in the cache. */
  async tryKvm(signal: AbortSignal): Promise<KvmVerdict> {
    return this.#verdict(await this.#environments.ensureKernel({ signal }), signal, true);
  }

  async #acceleration(kernel: InstalledKernel, signal: AbortSignal): Promise<Acceleration> {
    if (this.#demanded === "tcg") return "tcg";
    return chooseAcceleration(this.#demanded, await this.#verdict(kernel, signal, false));
  }

  async #verdict(kernel: InstalledKernel, signal: AbortSignal, again: boolean): Promise<KvmVerdict> {
    const host = await this.#host();
    const boot = async (deadline_ms: number) => {
      const parts = { ...(await this.#bare(host, kernel)), acceleration: "kvm" } as const;
      return this.#start(parts, undefined, signal, (programs, spec) =>
        bootQemu(programs, spec, { deadline_ms, signal }),
      );
    };
    const demanded = this.#demanded === "kvm";
    const probe = { record: this.paths.kvmRecord, kernel: kernel.digest, vmm: host.qemu, demanded, boot };
    return kvmVerdict(probe, again);
  }

  async #bare(host: HostParts, kernel: InstalledKernel): Promise<Omit<GuestParts, "acceleration">> {
    return { host, kernel, environment: undefined, tsc_khz: await this.#tscKhz(host), ...BARE };
  }

  /** Looked for once; throws `host_program_missing`, `host_unsupported` or `agent_missing`. */
  async #host(): Promise<HostParts> {
    if (this.#found !== undefined) return this.#found;
    const programs = { qemu: findProgram("qemu-system-x86_64"), bwrap: findProgram("bwrap"), agent: guestAgent() };
    const qemu_version = await qemuVersion(this.paths.vmmRecord, programs.qemu);
    this.#found = { ...programs, qemu_version };
    return this.#found;
  }

  #tscKhz(host: HostParts): Promise<number> {
    return tscKhz(this.paths.tscRecord, host.agent.path);
  }

  /** The template of these parts; where the host cannot keep one, a warning, and undefined. */
  async #template(parts: WholeGuestParts, context: WorkContext): Promise<FoundTemplate | undefined> {
    try {
      return await this.templates.ensure(parts, context);
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (error.kind !== "host" || error.code === "cage_unavailable") throw error;
      await context.emit({ type: "warning", message: `No template can be kept, so the VM boots: ${error.message}` });
      return undefined;
    }
  }

  async #restore(
    parts: WholeGuestParts,
    disk: MachineDisk | undefined,
    found: FoundTemplate,
    context: WorkContext,
  ): Promise<OpenMachine> {
    const { template, memory, state } = found.open;
    const { signal } = context;
    const files = { memory: memory.fd, state: state.fd };
    const options = { deadline_ms: RESTORE_DEADLINE_MS, signal };
    const began = performance.now();
    const instead = async (error: PyroError) => {
      this.templates.discard(template);
      const message = `The template of ${template.origin.environment} was discarded and the VM boots: ${error.message}`;
      await context.emit({ type: "warning", message });
      return this.#boot(parts, disk, context);
    };
    try {
      const machine = await this.#startWithDisk(parts, disk, signal, (programs, spec) =>
        restoreQemu(programs, spec, files, options),
      );
      return { ...this.#opened(parts, machine), instead, ...(found.is_new && { first_restore_began: began }) };
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (signal.aborted || error.kind !== "guest") throw error;
      return await instead(error);
    } finally {
      found.open.close();
    }
  }

  async #boot(parts: GuestParts, disk: MachineDisk | undefined, { signal }: WorkContext): Promise<OpenMachine> {
    const options = { deadline_ms: bootDeadlineMs[parts.acceleration], signal };
    const machine = await this.#startWithDisk(parts, disk, signal, (programs, spec) =>
      bootQemu(programs, spec, options),
    );
    return this.#opened(parts, machine);
  }

  async #startWithDisk(
    parts: GuestParts,
    own: MachineDisk | undefined,
    signal: AbortSignal,
    start: Start,
  ): Promise<Machine> {
    if (own !== undefined || parts.environment === undefined) return this.#start(parts, own, signal, start);
    const disk = await this.#environments.diskForRun(DISK_GIB, signal);
    try {
      return await this.#start(parts, { layers: [disk], is_durable: false }, signal, start);
    } finally {
      disk.close();
    }
  }

  #start(parts: GuestParts, disk: MachineDisk | undefined, signal: AbortSignal, start: Start): Promise<Machine> {
    const programs = { ...parts.host, agent: parts.host.agent.path };
    return withMachineFiles(this.#environments, parts, disk, signal, (spec) => start(programs, spec));
  }

  #opened({ host, environment }: GuestParts, machine: Machine): OpenMachine {
    const hasRoot = environment !== undefined;
    return {
      machine,
      agent_build: host.agent.build,
      disks: {
        root: hasRoot ? diskSerial.root : null,
        disk: hasRoot ? { serial: diskSerial.disk, size_bytes: DISK_BYTES } : null,
      },
      env: environment?.env ?? {},
      cwd: hasRoot ? WORKSPACE : "/",
      call_deadline_ms: CALL_DEADLINE_MS,
    };
  }
}
