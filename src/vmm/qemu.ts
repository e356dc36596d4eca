/** The QEMU driver: a caged microVM whose files and channels are inherited descriptors, so that nothing of it has a name on the host. */
import { setTimeout as delay } from "node:timers/promises";
import { PyroError } from "../contract/errors.ts";
import { type Child, type ChildEnd, startChild } from "../platform/child.ts";
import { innermostChild } from "../platform/process-facts.ts";
import { BootWatch } from "./boot-watch.ts";
import { cageArgs, cageError } from "./cage.ts";
import type { Machine, MachineEnd } from "./machine.ts";
import { type QemuSpec, qemuArgs } from "./qemu-args.ts";
import { Ring, shownTail, VMM_LOG_BYTES } from "./ring.ts";

/** Deadline of a boot in milliseconds, by acceleration (docs/design/limits.md). */
export const bootDeadlineMs = { kvm: 15_000, tcg: 120_000 } as const;

/** How long a killed VMM may take to vanish before we stop waiting, in milliseconds. */
const VANISH_MS = 5_000;
/** Firmware of the microvm machine, as Debian and Ubuntu install it. */
const firmwarePaths = ["/usr/share/qemu", "/usr/share/seabios"] as const;

export interface QemuPrograms {
  readonly qemu: string;
  readonly bwrap: string;
  /** The agent, which launches the cage */
  readonly agent: string;
}

export interface StartOptions {
  readonly deadline_ms: number;
  readonly signal: AbortSignal;
}

/** Starts a machine; resolves when its agent is ready. Throws `vm_start_failed`, `boot_failed`, `boot_timeout` or `cancelled`. */
export async function startQemu(programs: QemuPrograms, spec: QemuSpec, options: StartOptions): Promise<Machine> {
  options.signal.throwIfAborted();
  const child = startChild({
    launcher: programs.agent,
    program: programs.bwrap,
    args: cageArgs({
      program: programs.qemu,
      args: qemuArgs(spec),
      readOnly: firmwarePaths,
      devices: spec.acceleration === "kvm" ? ["/dev/kvm"] : [],
    }),
    files: ["stream", ...openFiles(spec)],
  });
  const watch = new BootWatch(child.stdout);
  const log = new Ring(VMM_LOG_BYTES);
  child.stderr.on("data", (chunk: Buffer) => log.push(chunk));
  const machine = new QemuMachine(child, watch.ring, log, spec.acceleration === "kvm" ? "guest_kvm" : "guest_emulated");
  try {
    await bootOutcome(machine, watch, options);
    return machine;
  } catch (error) {
    await machine.kill();
    throw error;
  }
}

/** The files in the order of `vmmFile`; there is no disk without a root. */
function openFiles(spec: QemuSpec): number[] {
  const { kernel, initramfs, root, disk } = spec.files;
  if (root === undefined) return [kernel, initramfs];
  return disk === undefined ? [kernel, initramfs, root] : [kernel, initramfs, root, disk];
}

async function bootOutcome(machine: QemuMachine, watch: BootWatch, options: StartOptions): Promise<void> {
  const ended = machine.ended.then((end) => {
    throw startError(end);
  });
  const { promise: interrupted, dispose } = interruption(options, () => machine.tail());
  try {
    await Promise.race([watch.ready, ended, interrupted]);
  } finally {
    dispose();
    ended.catch(() => {});
  }
}

function interruption(options: StartOptions, tail: () => string): { promise: Promise<never>; dispose: () => void } {
  let dispose = () => {};
  const promise = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(bootTimeout(options.deadline_ms, tail())), options.deadline_ms);
    const abort = () => reject(new PyroError("cancelled", "Starting the virtual machine was cancelled"));
    options.signal.addEventListener("abort", abort, { once: true });
    dispose = () => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", abort);
    };
  });
  return { promise, dispose };
}

function bootTimeout(deadline_ms: number, console_tail: string): PyroError {
  return new PyroError("boot_timeout", `The guest did not answer within ${deadline_ms / 1000} s`, {
    details: { console_tail },
  });
}

function startError(end: MachineEnd): PyroError {
  const { console_tail, vmm_tail } = end;
  const caged = cageError(end);
  if (caged !== undefined) return caged;
  const why = vmm_tail.trim().split("\n").at(-1) ?? "";
  const message =
    end.reason === "guest_panic"
      ? "The guest's kernel panicked while it booted"
      : `The virtual machine monitor ended before the guest answered${why === "" ? "" : `: ${why}`}`;
  return new PyroError("vm_start_failed", message, { details: { reason: end.reason, console_tail, vmm_tail } });
}

class QemuMachine implements Machine {
  readonly execution_mode;
  readonly channel;
  readonly ended: Promise<MachineEnd>;
  readonly #child: Child;
  readonly #console: Ring;
  #killed = false;

  constructor(child: Child, console: Ring, log: Ring, execution_mode: Machine["execution_mode"]) {
    this.#child = child;
    this.#console = console;
    this.execution_mode = execution_mode;
    this.channel = child.stream(3);
    const closed = new Promise<void>((resolve) => child.stdout.once("close", resolve));
    this.ended = child.ended.then(async (end) => {
      await Promise.race([closed, delay(VANISH_MS, undefined, { ref: false })]);
      return this.#describe(end, log);
    });
  }

  pid(): number {
    return innermostChild(this.#child.pid ?? 0);
  }

  tail(): string {
    return shownTail(this.#console.text());
  }

  async kill(): Promise<void> {
    this.#killed = true;
    this.#child.kill();
    await this.ended;
    this.channel.destroy();
  }

  #describe(end: ChildEnd, log: Ring): MachineEnd {
    const console_tail = this.tail();
    const vmm_tail = shownTail(end.error?.message ?? log.text());
    return { reason: this.#reason(end, console_tail), console_tail, vmm_tail };
  }

  #reason(end: ChildEnd, console_tail: string): MachineEnd["reason"] {
    if (this.#killed) return "killed";
    if (/Kernel panic/.test(console_tail)) return "guest_panic";
    return end.exit_code === 0 ? "guest_exit" : "vmm_failed";
  }
}
