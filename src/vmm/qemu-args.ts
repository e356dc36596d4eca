/** The command line of QEMU: the shortest device list that works (docs/design/machine.md). */
import { diskSerial, type MachineSpec } from "./machine.ts";
import { mapsReadOnlyMemory, needsErmsOff, type QemuVersion } from "./qemu-version.ts";

/** How the guest's CPU runs: on KVM, or fully emulated by QEMU's TCG. */
export type Acceleration = "kvm" | "tcg";

/** Descriptor numbers inside the VMM's process: streams to us, and files. */
export const vmmFile = {
  channel: 3,
  monitor: 4,
  kernel: 5,
  initramfs: 6,
  root: 7,
  disk: 8,
  memory: 9,
  state: 10,
} as const;

/** How a machine begins, and where its memory is. */
export type Beginning =
  /** From its kernel, with memory of its own */
  | { readonly kind: "boot" }
  /** From its kernel, with its memory in a file, so that it can become a template; its disk is a placeholder */
  | { readonly kind: "record"; readonly memory: number; readonly disk_bytes: number }
  /** From a template: memory mapped copy-on-write, device state read from a file */
  | { readonly kind: "restore"; readonly memory: number; readonly state: number };

export interface QemuSpec extends MachineSpec {
  readonly acceleration: Acceleration;
  /** Frequency of the host's time stamp counter in kHz; the guest must not calibrate it under emulation */
  readonly tsc_khz: number;
  readonly beginning: Beginning;
  readonly vmm_version: QemuVersion;
}

const sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/**
 * Under emulation without a fifth level of page tables, and without SMAP, which breaks up translated code at every access to a process's
 * memory (docs/decisions/2026-11-21-templates.md); without ERMS where that is run byte by byte (docs/decisions/2026-11-21-boot-time.md).
 */
function cpuArgs({ acceleration, vmm_version }: QemuSpec): string[] {
  if (acceleration === "kvm") return ["-accel", "kvm", "-cpu", "host"];
  return ["-accel", "tcg,thread=multi", "-cpu", `max,la57=off,smap=off${needsErmsOff(vmm_version) ? ",erms=off" : ""}`];
}

/** QEMU's arguments for `spec`, with its files at the numbers of `vmmFile`. */
export function qemuArgs(spec: QemuSpec): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-sandbox", sandbox],
    ...[
      "-M",
      `microvm,acpi=on,pit=on,pic=on,rtc=on,isa-serial=on${spec.beginning.kind === "boot" ? "" : ",memory-backend=memory"}`,
    ],
    ...memoryArgs(spec),
    ...cpuArgs(spec),
    ...["-smp", String(spec.vcpu_count), "-m", String(spec.mem_mib)],
    ...["-kernel", `/proc/self/fd/${vmmFile.kernel}`, "-initrd", `/proc/self/fd/${vmmFile.initramfs}`],
    ...["-append", kernelCommandLine(spec)],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=agent,fd=${vmmFile.channel}`],
    ...["-chardev", `socket,id=monitor,fd=${vmmFile.monitor}`, "-mon", "chardev=monitor,mode=control"],
    ...["-device", "virtio-serial-device", "-device", "virtserialport,chardev=agent,name=agent.0"],
    ...["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-device,rng=rng"],
    ...(spec.files.root === undefined ? [] : rootArgs()),
    ...(spec.files.root === undefined ? [] : diskArgs(spec)),
  ];
}

/** The file's mapping is private in a restored machine: what its guest writes is its own. */
function memoryArgs({ beginning, mem_mib, vmm_version }: QemuSpec): string[] {
  if (beginning.kind === "boot") return [];
  const file = `memory-backend-file,id=memory,size=${mem_mib}M,mem-path=/proc/self/fd/${vmmFile.memory}`;
  if (beginning.kind === "record") return ["-object", `${file},share=on`];
  const readOnly = mapsReadOnlyMemory(vmm_version) ? ",readonly=on,rom=off" : "";
  return ["-object", `${file},share=off${readOnly}`, "-incoming", "defer"];
}

function kernelCommandLine(spec: QemuSpec): string {
  return [
    ...["console=ttyS0", "quiet", "loglevel=1", "reboot=t", "panic=-1", "mitigations=off", "cryptomgr.notests=1"],
    ...["psi=0", "audit=0", "lsm=landlock", "cgroup.memory=nokmem,nosocket"],
    ...(spec.acceleration === "tcg" ? [`tsc_early_khz=${spec.tsc_khz}`, "tsc=reliable", "noreplace-smp"] : []),
    ...(spec.beginning.kind === "boot" ? [] : ["pyro.settle=1"]),
    ...(spec.files.root === undefined ? [] : [`pyro.root=${diskSerial.root}`]),
  ].join(" ");
}

/** Formats are named, never probed: a raw disk may carry the header of another format. */
function rootArgs(): string[] {
  return [
    ...["-add-fd", `fd=${vmmFile.root},set=1`],
    ...["-blockdev", "driver=file,node-name=root-file,filename=/dev/fdset/1,read-only=on,locking=off"],
    ...["-blockdev", "driver=raw,node-name=root,file=root-file,read-only=on"],
    ...["-device", `virtio-blk-device,drive=root,serial=${diskSerial.root}`],
  ];
}

/** The disk of a machine that is thrown away: flushes by the guest are not passed to the host's disk. A template's is a placeholder. */
function diskArgs(spec: QemuSpec): string[] {
  const device = ["-device", `virtio-blk-device,drive=disk,serial=${diskSerial.disk}`];
  if (spec.beginning.kind === "record")
    return ["-blockdev", `driver=null-co,node-name=disk,size=${spec.beginning.disk_bytes},read-zeroes=on`, ...device];
  return [
    ...["-add-fd", `fd=${vmmFile.disk},set=2`],
    ...[
      "-blockdev",
      "driver=file,node-name=disk-file,filename=/dev/fdset/2,cache.no-flush=on,discard=unmap,locking=off",
    ],
    ...["-blockdev", "driver=qcow2,node-name=disk,file=disk-file,cache.no-flush=on,discard=unmap"],
    ...device,
  ];
}
