/** The QEMU driver: a caged microVM whose files and channels are inherited descriptors, so that nothing of it has a name on the host. */
import { setTimeout as delay } from "node:timers/promises";
import { PyroError } from "../contract/errors.ts";
import { type ChildFile, startChild } from "../platform/child.ts";
import { cageArgs, cageError } from "./cage.ts";
import type { Machine, MachineEnd } from "./machine.ts";
import { type QemuSpec, qemuArgs, vmmFile } from "./qemu-args.ts";
import { QemuMachine } from "./qemu-machine.ts";

/** Deadline of a boot in milliseconds, by acceleration (docs/design/limits.md). */
export const bootDeadlineMs = { kvm: 60_000, tcg: 120_000 } as const;

/** How long a failure waits for the VMM's own account, in milliseconds. */
const END_GRACE_MS = 500;
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

/** What boots, records and restores of a machine have in common. */
export type QemuBase = Omit<QemuSpec, "beginning">;

/** A template's two files, open. */
export interface TemplateFiles {
  /** The guest's memory, mapped */
  readonly memory: number;
  /** The state of the devices */
  readonly state: number;
}

/** Boots a machine; resolves when its agent is ready. Throws `vm_start_failed`, `boot_failed`, `boot_timeout` or `cancelled`. */
export function bootQemu(programs: QemuPrograms, spec: QemuBase, options: StartOptions): Promise<Machine> {
  const machine = start(programs, { ...spec, beginning: { kind: "boot" } }, options.signal);
  return arrive(machine, options, () => machine.booted);
}

/** Boots a machine whose memory is the empty file `files.memory`, halts it when its agent is ready, and keeps the rest of it in `files.state`. Throws as `bootQemu` does. */
export async function recordQemu(
  programs: QemuPrograms,
  spec: QemuBase,
  files: TemplateFiles & { readonly disk_bytes: number },
  options: StartOptions,
): Promise<void> {
  const { memory, disk_bytes } = files;
  const beginning = { kind: "record", memory, disk_bytes } as const;
  const machine = start(programs, { ...spec, beginning }, options.signal);
  await arrive(machine, options, async () => {
    await machine.booted;
    await machine.save(files.state);
  });
  await machine.kill();
}

/** Restores a machine from a template; resolves when it runs. Throws as `bootQemu` does. */
export function restoreQemu(
  programs: QemuPrograms,
  spec: QemuBase,
  files: TemplateFiles,
  options: StartOptions,
): Promise<Machine> {
  const machine = start(programs, { ...spec, beginning: { kind: "restore", ...files } }, options.signal);
  return arrive(machine, options, () => machine.load());
}

function start(programs: QemuPrograms, spec: QemuSpec, signal: AbortSignal): QemuMachine {
  signal.throwIfAborted();
  const child = startChild({
    launcher: programs.agent,
    program: programs.bwrap,
    args: cageArgs({
      program: programs.qemu,
      args: qemuArgs(spec),
      readOnly: firmwarePaths,
      devices: spec.acceleration === "kvm" ? ["/dev/kvm"] : [],
      attended: { agent: programs.agent, fd: vmmFile.channel },
    }),
    files: inheritedFiles(spec),
  });
  return new QemuMachine(child, spec, programs.agent);
}

/** What the VMM inherits, in the order of `vmmFile`. */
export function inheritedFiles({ files, beginning }: QemuSpec): ChildFile[] {
  const memory = beginning.kind === "boot" ? undefined : beginning.memory;
  const state = beginning.kind === "restore" ? beginning.state : undefined;
  const { kernel, initramfs, root, disk } = files;
  return ["stream", "stream", kernel, initramfs, root, memory, state, ...(disk?.layers ?? [])];
}

/** Gives the machine once it has arrived; kills it where it ends before, is late, or is no longer wanted. */
async function arrive(machine: QemuMachine, options: StartOptions, way: () => Promise<void>): Promise<Machine> {
  const ended = machine.ended.then((end) => {
    throw startError(end);
  });
  const explain = async (error: unknown) => {
    // A VMM that fails closes its monitor first, and says why when it has ended.
    await Promise.race([machine.ended, delay(END_GRACE_MS, undefined, { ref: false })]);
    throw error;
  };
  const { promise: interrupted, dispose } = interruption(options, () => machine.tail());
  try {
    await Promise.race([way().catch(explain), ended, interrupted]);
    return machine;
  } catch (error) {
    await machine.kill();
    throw error;
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
  const caged = cageError(end);
  if (caged !== undefined) return caged;
  const why = end.vmm_tail.trim().split("\n").at(-1) ?? "";
  const message =
    end.reason === "guest_panic"
      ? "The guest's kernel panicked while it booted"
      : `The virtual machine monitor ended before the guest answered${why === "" ? "" : `: ${why}`}`;
  return new PyroError("vm_start_failed", message, { details: { ...end } });
}
