/** Virtual machines of installed environments: gets what is missing, opens verified files, chooses the acceleration, boots. */
import type { Emit } from "../contract/progress.ts";
import type { Environments } from "../environments/environments.ts";
import type { InstalledKernel } from "../environments/kernel.ts";
import type { OpenFile } from "../platform/files.ts";
import { findProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { type GuestAgent, guestAgent } from "../vmm/guest-agent.ts";
import { chooseAcceleration, type KvmVerdict, kvmVerdict } from "../vmm/kvm.ts";
import { diskSerial, type Machine } from "../vmm/machine.ts";
import { bootDeadlineMs, startQemu } from "../vmm/qemu.ts";
import type { Acceleration } from "../vmm/qemu-args.ts";
import { tscKhz } from "../vmm/tsc.ts";
import type { MachineRequest, MachineSource, OpenMachine } from "./machine-source.ts";

/** Size of a throw-away machine's disk in GiB; it is sparse and takes what is written. */
const DISK_GIB = 16;
/** Where commands run. */
const WORKSPACE = "/workspace";
/** Shape of a machine that only has to answer. */
const BARE = { vcpu_count: 1, mem_mib: 256 } as const;
/** Time within which the agent answers a call, in milliseconds (docs/design/limits.md). */
const CALL_DEADLINE_MS = { kvm: 10_000, tcg: 30_000 } as const;

interface Context {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

interface Shape {
  readonly vcpu_count: number;
  readonly mem_mib: number;
}

/** What a machine boots from; closed as soon as the VMM has it. */
interface Files {
  readonly kernel: OpenFile;
  readonly initramfs: OpenFile;
  readonly root?: OpenFile;
  readonly disk?: OpenFile;
}

/** What of the host every machine needs. */
interface Needed {
  readonly qemu: string;
  readonly bwrap: string;
  readonly agent: GuestAgent;
}

/** Opens QEMU machines from one user's cache. */
export class GuestSource implements MachineSource {
  readonly paths: StatePaths;
  readonly #environments: Environments;
  readonly #demanded: string | undefined;
  #found: Needed | undefined;

  /** `demanded` is the value of PYRO_ACCEL. */
  constructor(paths: StatePaths, environments: Environments, demanded: string | undefined) {
    this.paths = paths;
    this.#environments = environments;
    this.#demanded = demanded;
  }

  async open(request: MachineRequest, context: Context): Promise<OpenMachine> {
    this.#needed();
    const environment = await this.#environments.ensure(request.environment, context);
    const kernel = await this.#environments.ensureKernel(context);
    const acceleration = await this.#acceleration(kernel, context.signal);
    const files: Partial<Record<keyof Files, OpenFile>> = {};
    try {
      files.root = await this.#environments.openImage(environment, context.signal);
      files.disk = await this.#environments.diskForRun(DISK_GIB, context.signal);
      const machine = await this.#boot(kernel, acceleration, request, context, files);
      return this.#opened(
        machine,
        acceleration,
        environment.env,
        { root: diskSerial.root, disk: diskSerial.disk },
        WORKSPACE,
      );
    } finally {
      for (const file of Object.values(files)) file.close();
    }
  }

  /** A machine without an environment, for examination; needs a kernel in the cache. */
  async openBare(context: Context): Promise<OpenMachine> {
    const kernel = await this.#environments.ensureKernel(context);
    const acceleration = await this.#acceleration(kernel, context.signal);
    const machine = await this.#boot(kernel, acceleration, BARE, context, {});
    return this.#opened(machine, acceleration, {}, { root: null, disk: null }, "/");
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

  #verdict(kernel: InstalledKernel, signal: AbortSignal, again: boolean): Promise<KvmVerdict> {
    const boot = (deadline_ms: number) => this.#boot(kernel, "kvm", BARE, { signal, deadline_ms }, {});
    const vmm = this.#needed().qemu;
    return kvmVerdict({ record: this.paths.kvmRecord, kernel: kernel.digest, vmm, boot }, again);
  }

  /** Looked for once; throws `host_program_missing` or `agent_missing`. */
  #needed(): Needed {
    this.#found ??= { qemu: findProgram("qemu-system-x86_64"), bwrap: findProgram("bwrap"), agent: guestAgent() };
    return this.#found;
  }

  async #boot(
    kernel: InstalledKernel,
    acceleration: Acceleration,
    shape: Shape,
    context: { readonly signal: AbortSignal; readonly deadline_ms?: number },
    disks: Pick<Partial<Files>, "root" | "disk">,
  ): Promise<Machine> {
    const { qemu, bwrap, agent } = this.#needed();
    const tsc_khz = await tscKhz(this.paths.tscRecord, agent.path);
    const image = await this.#environments.openKernel(kernel, context.signal);
    try {
      const initramfs = await this.#environments.openInitramfs(kernel, agent.path);
      try {
        const files = { kernel: image.fd, initramfs: initramfs.fd, root: disks.root?.fd, disk: disks.disk?.fd };
        const { vcpu_count, mem_mib } = shape;
        const deadline_ms = context.deadline_ms ?? bootDeadlineMs[acceleration];
        return await startQemu(
          { qemu, bwrap, agent: agent.path },
          { files, vcpu_count, mem_mib, acceleration, tsc_khz },
          { deadline_ms, signal: context.signal },
        );
      } finally {
        initramfs.close();
      }
    } finally {
      image.close();
    }
  }

  #opened(
    machine: Machine,
    acceleration: Acceleration,
    env: Readonly<Record<string, string>>,
    disks: OpenMachine["disks"],
    cwd: string,
  ): OpenMachine {
    return {
      machine,
      agent_build: this.#needed().agent.build,
      disks,
      env,
      cwd,
      call_deadline_ms: CALL_DEADLINE_MS[acceleration],
    };
  }
}
