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
  memory: 8,
  state: 9,
  /** The first layer of the disk; the others follow */
  disk: 10,
} as const;

/** QEMU's sets of descriptors, by which it opens files that have no name. */
const fdSet = { root: 1, disk: 2 } as const;

/** A layer of the disk, as QEMU's block layer names it. */
export interface LayerNode {
  readonly name: string;
  readonly fd_set: number;
}

/** The node of the layer at `index`, 0 at the bottom. */
export function layerNode(index: number): LayerNode {
  return { name: `disk-${index}`, fd_set: fdSet.disk + index };
}

/** How QEMU opens the file of a layer that is written. */
export function writableFile({ fd_set }: LayerNode, is_durable: boolean): Readonly<Record<string, unknown>> {
  return {
    driver: "file",
    filename: `/dev/fdset/${fd_set}`,
    cache: { "no-flush": !is_durable },
    discard: "unmap",
    locking: "off",
  };
}

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
  const file = { driver: "file", filename: `/dev/fdset/${fdSet.root}`, "read-only": true, locking: "off" };
  return [
    ...["-add-fd", `fd=${vmmFile.root},set=${fdSet.root}`],
    ...blockdev({ driver: "raw", "node-name": "root", file, "read-only": true }),
    ...["-device", `virtio-blk-device,drive=root,serial=${diskSerial.root}`],
  ];
}

/** A template's disk is a placeholder. */
function diskArgs({ beginning, files }: QemuSpec): string[] {
  const device = (node: string) => ["-device", `virtio-blk-device,drive=${node},serial=${diskSerial.disk}`];
  if (beginning.kind === "record") {
    const placeholder = { driver: "null-co", "node-name": "disk", size: beginning.disk_bytes, "read-zeroes": true };
    return [...blockdev(placeholder), ...device("disk")];
  }
  const { layers, is_durable } = files.disk ?? { layers: [], is_durable: false };
  const top = layers.length - 1;
  return [...layers.flatMap((_, index) => layerArgs(index, index === top, is_durable)), ...device(layerNode(top).name)];
}

function layerArgs(index: number, isTop: boolean, is_durable: boolean): string[] {
  const node = layerNode(index);
  const below = index === 0 ? {} : { backing: layerNode(index - 1).name };
  const readOnly = { driver: "file", filename: `/dev/fdset/${node.fd_set}`, "read-only": true, locking: "off" };
  const file = isTop ? writableFile(node, is_durable) : readOnly;
  const image = { driver: "qcow2", "node-name": node.name, file, ...below, "read-only": !isTop, discard: "unmap" };
  const add = ["-add-fd", `fd=${vmmFile.disk + index},set=${node.fd_set}`];
  return [...add, ...blockdev({ ...image, ...(isTop && { cache: { "no-flush": !is_durable } }) })];
}

function blockdev(options: Readonly<Record<string, unknown>>): string[] {
  return ["-blockdev", JSON.stringify(options)];
}
