/** QEMU without pyro: the same command line, files and shape as pyro's machine, no cage and no seccomp filter, a shell on the console. */
import { PyroError } from "../../src/contract/errors.ts";
import { type Child, startChild } from "../../src/platform/child.ts";
import { namelessFile, type OpenFile } from "../../src/platform/files.ts";
import { findProgram } from "../../src/platform/programs.ts";
import { guestAgent } from "../../src/vmm/guest-agent.ts";
import { inheritedFiles } from "../../src/vmm/qemu.ts";
import { type QemuSpec, qemuArgs, vmmFile } from "../../src/vmm/qemu-args.ts";
import { type QemuVersion, qemuVersion } from "../../src/vmm/qemu-version.ts";
import { tscKhz } from "../../src/vmm/tsc.ts";
import { type BenchContext, shape } from "../context.ts";
import { busybox } from "./busybox.ts";
import { bareInitramfs, type NetworkedProgram } from "./initramfs.ts";
import { networkModules } from "./network-modules.ts";

/** What a root shell prints when it waits for a command. */
const PROMPT = "# ";
const DEADLINE_MS = 120_000;
const DISK_GIB = 16;
/** Characters of the console that are kept. */
const MAX_TAIL = 8192;

interface BareFiles {
  readonly kernel: OpenFile;
  readonly initramfs: OpenFile;
  readonly root: OpenFile;
}

export class BareMachines {
  readonly #context: BenchContext;
  readonly #files: BareFiles;
  readonly #acceleration: QemuSpec["acceleration"];
  readonly #tsc_khz: number;
  readonly #vmm_version: QemuVersion;

  private constructor(
    context: BenchContext,
    files: BareFiles,
    acceleration: QemuSpec["acceleration"],
    tsc_khz: number,
    vmm_version: QemuVersion,
  ) {
    this.#vmm_version = vmm_version;
    this.#context = context;
    this.#files = files;
    this.#acceleration = acceleration;
    this.#tsc_khz = tsc_khz;
  }

  /** Makes the initramfs and opens what machines boot from, accelerated as pyro's are. */
  static async prepare(
    context: BenchContext,
    program?: Pick<NetworkedProgram, "text" | "args">,
  ): Promise<BareMachines> {
    const { environments, signal } = context;
    const shell = await busybox(context.scratch, signal);
    const mode = await context.executionMode();
    const agent = guestAgent().path;
    const kernel = await environments.ensureKernel({ signal });
    const environment = await environments.ensure(context.environment, { signal });
    const own = await environments.openInitramfs(kernel, agent);
    const initramfs = namelessFile(context.paths.initramfsDirectory);
    const networked = program && { ...program, modules: await networkModules(context, kernel.release) };
    initramfs.write(bareInitramfs(own.readAll(), kernel.release, shell, networked));
    own.close();
    const files = {
      kernel: await environments.openKernel(kernel, signal),
      root: await environments.openImage(environment, signal),
      initramfs,
    };
    const version = await qemuVersion(context.paths.vmmRecord, findProgram("qemu-system-x86_64"));
    const tsc_khz = await tscKhz(context.paths.tscRecord, agent);
    return new BareMachines(context, files, mode === "guest_kvm" ? "kvm" : "tcg", tsc_khz, version);
  }

  /** Milliseconds from the start of QEMU to the shell's prompt on the serial console. */
  async timeToPrompt(): Promise<number> {
    const start = performance.now();
    await this.#console([], (tail) => (tail.endsWith(PROMPT) ? true : undefined));
    return performance.now() - start;
  }

  /** What `read` makes of the console, from a machine with a card in QEMU's user network. */
  networked<T>(read: (console: string) => T | undefined): Promise<T> {
    const card = ["-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net"];
    return this.#console(card, read);
  }

  async #console<T>(moreArgs: readonly string[], read: (console: string) => T | undefined): Promise<T> {
    const { kernel, initramfs, root } = this.#files;
    const disk = await this.#context.environments.diskForRun(DISK_GIB, this.#context.signal);
    const files = {
      kernel: kernel.fd,
      initramfs: initramfs.fd,
      root: root.fd,
      disk: { layers: [disk.fd], is_durable: false },
    };
    const spec = {
      ...shape,
      files,
      acceleration: this.#acceleration,
      tsc_khz: this.#tsc_khz,
      beginning: { kind: "boot" } as const,
      vmm_version: this.#vmm_version,
    };
    const child = startChild({
      launcher: guestAgent().path,
      program: findProgram("qemu-system-x86_64"),
      args: [...bareArgs(spec), ...moreArgs],
      files: inheritedFiles(spec),
    });
    try {
      return await said(child, this.#context.signal, read);
    } finally {
      child.kill();
      await child.ended;
      for (const stream of [vmmFile.channel, vmmFile.monitor]) child.stream(stream).destroy();
      disk.close();
    }
  }

  close(): void {
    for (const file of Object.values(this.#files)) file.close();
  }
}

function bareArgs(spec: QemuSpec): string[] {
  const args = qemuArgs(spec);
  const sandbox = args.indexOf("-sandbox");
  return args.filter((_, index) => sandbox < 0 || index < sandbox || index > sandbox + 1);
}

/** Resolves with what `read` makes of the console's last words, once that is something. */
function said<T>(child: Child, signal: AbortSignal, read: (tail: string) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    let tail = "";
    const fail = (why: string) =>
      reject(new PyroError("boot_failed", `The bare machine did not say what it was to: ${why}: ${tail}`));
    const timer = setTimeout(() => fail("it is late"), DEADLINE_MS);
    const abort = () => reject(new PyroError("cancelled", "Measuring was cancelled"));
    signal.addEventListener("abort", abort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      tail = (tail + chunk.toString("latin1")).slice(-MAX_TAIL);
      const found = read(tail);
      if (found !== undefined) resolve(found);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      tail += chunk.toString("latin1");
    });
    child.ended.then((end) => fail(end.error?.message ?? "it ended"));
    child.ended.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    });
  });
}
