/** What a machine is to the rest of pyro: something with an agent at the end of one byte stream. Knows nothing of workspaces. */
import type { Duplex } from "node:stream";
import type { ExecutionMode } from "../contract/fields.ts";

/** Open, verified files that a machine is started from; the caller owns and closes the descriptors. */
export interface MachineFiles {
  /** Guest kernel, ELF or bzImage */
  readonly kernel: number;
  /** Initramfs with the agent and its modules */
  readonly initramfs: number;
  /** Read-only root image; absent for a machine that only has to answer */
  readonly root: number | undefined;
  /** Writable disk, qcow2 */
  readonly disk: number | undefined;
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
  /** Last output of the guest's console, cleaned */
  readonly console_tail: string;
  /** Last messages of the VMM itself, cleaned */
  readonly vmm_tail: string;
}

/** A machine whose agent waits for its first request. */
export interface Machine {
  readonly execution_mode: ExecutionMode;
  readonly channel: Duplex;
  readonly ended: Promise<MachineEnd>;
  /** Process that runs the guest, for observation only */
  pid(): number;
  /** Ends it at once; resolves when nothing of it is left. */
  kill(): Promise<void>;
}
