/** What a machine is to the rest of pyro: something with an agent at the end of one byte stream. Knows nothing of workspaces. */
import type { Duplex } from "node:stream";
import type { ExecutionMode } from "../contract/fields.ts";
import type { OpenFile } from "../platform/files.ts";

/** Open, verified files that a machine is started from; the caller owns and closes the descriptors. */
export interface MachineFiles {
  /** Guest kernel, ELF or bzImage */
  readonly kernel: number;
  /** Initramfs with the agent and its modules */
  readonly initramfs: number;
  /** Read-only root image; absent for a machine that only has to answer */
  readonly root: number | undefined;
  /** Writable disk; absent for a machine without a root */
  readonly disk: DiskFiles | undefined;
}

/** A disk as a stack of qcow2 files: each holds what differs from those below it, and only the last is written. */
export interface DiskFiles {
  /** Bottom first; at least one, each with the disk's full size and no backing file named in it */
  readonly layers: readonly number[];
  /** What the guest has flushed outlives a crash of the host, not only the end of the machine */
  readonly is_durable: boolean;
}

export interface MachineSpec {
  readonly files: MachineFiles;
  readonly vcpu_count: number;
  readonly mem_mib: number;
}

/** Block device serials by which the guest finds its disks. */
export const diskSerial = { root: "root", disk: "disk" } as const;

/** Why a machine is no longer there. */
export interface MachineEnd {
  readonly reason: "killed" | "guest_panic" | "guest_exit" | "vmm_failed";
  /** QEMU's name for what stopped its guest, such as `guest-shutdown`; `guest-reset` is a reboot or a triple fault; null where it gave none */
  readonly cause: string | null;
  /** Last output of the guest's console, cleaned */
  readonly console_tail: string;
  /** Last messages of the VMM itself, cleaned */
  readonly vmm_tail: string;
}

/** Whether the guest's CPU was reset, which nothing in a guest does that means to power off. */
export function wasReset({ cause }: Pick<MachineEnd, "cause">): boolean {
  return cause === "guest-reset";
}

/** A machine whose agent waits for its first request. */
export interface Machine {
  readonly execution_mode: ExecutionMode;
  readonly channel: Duplex;
  readonly ended: Promise<MachineEnd>;
  /** Puts an empty layer on top of the disk, which from then on takes all that is written; the guest notices nothing. */
  addLayer(layer: OpenFile): Promise<void>;
  /** Process that runs the guest, for observation only */
  pid(): number;
  /** Ends it at once; resolves when nothing of it is left. */
  kill(): Promise<void>;
}
