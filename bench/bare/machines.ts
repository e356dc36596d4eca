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
import { bareInitramfs } from "./initramfs.ts";

/** What a root shell prints when it waits for a command. */
const PROMPT = "# ";
const DEADLINE_MS = 120_000;
const DISK_GIB = 16;

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
  static async prepare(context: BenchContext): Promise<BareMachines> {
    const { environments, signal } = context;
    const shell = await busybox(context.scratch, signal);
    const mode = await context.executionMode();
    const agent = guestAgent().path;
    const kernel = await environments.ensureKernel({ signal });
    const environment = await environments.ensure(context.environment, { signal });
    const own = await environments.openInitramfs(kernel, agent);
    const initramfs = namelessFile(context.paths.initramfsDirectory);
    initramfs.write(bareInitramfs(own.readAll(), kernel.release, shell));
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
    const start = performance.now();
    const child = startChild({
      launcher: guestAgent().path,
      program: findProgram("qemu-system-x86_64"),
      args: bareArgs(spec),
      files: inheritedFiles(spec),
    });
    try {
      await prompt(child, this.#context.signal);
      return performance.now() - start;
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

/** Resolves when the console ends in a prompt. */
function prompt(child: Child, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let tail = "";
    const fail = (why: string) =>
      reject(new PyroError("boot_failed", `The bare machine gave no prompt: ${why}: ${tail}`));
    const timer = setTimeout(() => fail("it is late"), DEADLINE_MS);
    const abort = () => reject(new PyroError("cancelled", "Measuring was cancelled"));
    signal.addEventListener("abort", abort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      tail = (tail + chunk.toString("latin1")).slice(-1000);
      if (tail.endsWith(PROMPT)) resolve();
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
