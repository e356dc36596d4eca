/** What a virtual machine is made of: found and verified before it starts, and what its template's origin is read from. */
import { createHash } from "node:crypto";
import type { Environments } from "../environments/environments.ts";
import { initramfsKey } from "../environments/initramfs.ts";
import type { InstalledKernel } from "../environments/kernel.ts";
import type { EnvironmentImage } from "../environments/records.ts";
import type { OpenFile } from "../platform/files.ts";
import { cpuIdentity, fileIdentity } from "../platform/host.ts";
import type { GuestAgent } from "../vmm/guest-agent.ts";
import type { MachineFiles } from "../vmm/machine.ts";
import type { QemuBase } from "../vmm/qemu.ts";
import { type Acceleration, qemuArgs } from "../vmm/qemu-args.ts";
import type { QemuVersion } from "../vmm/qemu-version.ts";
import type { TemplateOrigin } from "../vmm/template-origin.ts";

/** Size of a machine's disk, in bytes; it is sparse and takes what is written. A template has a placeholder of that size. */
export const DISK_GIB = 16;
export const DISK_BYTES = DISK_GIB * 1_073_741_824;

/** What of the host every machine needs. */
export interface HostParts {
  readonly qemu: string;
  readonly qemu_version: QemuVersion;
  readonly bwrap: string;
  readonly agent: GuestAgent;
}

/** The open files of a machine's disk, bottom first; as `DiskFiles` has them. */
export interface MachineDisk {
  readonly layers: readonly OpenFile[];
  readonly is_durable: boolean;
}

/** A machine's parts; without an environment it can only answer. */
export interface GuestParts {
  readonly host: HostParts;
  readonly environment: EnvironmentImage | undefined;
  readonly kernel: InstalledKernel;
  readonly acceleration: Acceleration;
  /** Frequency of the host's time stamp counter, in kHz */
  readonly tsc_khz: number;
  readonly vcpu_count: number;
  readonly mem_mib: number;
}

/** Parts of a machine with a root, of which there can be a template. */
export type WholeGuestParts = GuestParts & { readonly environment: EnvironmentImage };

/** What a template of these parts is made from. */
export function originOf(parts: WholeGuestParts): TemplateOrigin {
  const { host, environment, kernel, acceleration, vcpu_count, mem_mib } = parts;
  const nothing = { kernel: 0, initramfs: 0, root: 0, disk: undefined };
  const recorded = { kind: "record", memory: 0, disk_bytes: DISK_BYTES } as const;
  const shape = { vcpu_count, mem_mib, acceleration, tsc_khz: 0, vmm_version: host.qemu_version };
  const args = qemuArgs({ ...shape, files: nothing, beginning: recorded });
  const layout = [...args, initramfsKey(kernel.digest, host.agent.sha256)];
  return {
    environment: environment.name,
    environment_digest: environment.digest,
    kernel: kernel.digest,
    agent: host.agent.sha256,
    vmm: fileIdentity(host.qemu),
    // An emulated CPU is the same on every host.
    cpu: acceleration === "kvm" ? cpuIdentity() : "",
    machine: createHash("sha256").update(JSON.stringify(layout)).digest("hex"),
    acceleration,
    vcpu_count,
    mem_mib,
  };
}

/** Opens what every beginning of a machine needs, verified, for as long as `use` takes. */
export async function withMachineFiles<T>(
  environments: Environments,
  parts: GuestParts,
  disk: MachineDisk | undefined,
  signal: AbortSignal,
  use: (spec: QemuBase) => Promise<T>,
): Promise<T> {
  const { kernel, environment, host, vcpu_count, mem_mib, acceleration, tsc_khz } = parts;
  const open: OpenFile[] = [];
  const opened = async (file: Promise<OpenFile>): Promise<number> => {
    const arrived = await file;
    open.push(arrived);
    return arrived.fd;
  };
  try {
    const files: MachineFiles = {
      kernel: await opened(environments.openKernel(kernel, signal)),
      initramfs: await opened(environments.openInitramfs(kernel, host.agent.path)),
      root: environment && (await opened(environments.openImage(environment, signal))),
      disk: disk && { layers: disk.layers.map(({ fd }) => fd), is_durable: disk.is_durable },
    };
    return await use({ files, vcpu_count, mem_mib, acceleration, tsc_khz, vmm_version: host.qemu_version });
  } finally {
    for (const file of open) file.close();
  }
}
