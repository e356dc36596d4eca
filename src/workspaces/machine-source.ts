/** Where machines come from: a virtual machine, a cage on the host, or a test's fake; the rest of pyro cannot tell them apart. */
import type { Emit } from "../contract/progress.ts";
import type { Machine } from "../vmm/machine.ts";

export interface MachineRequest {
  /** Name of the environment as the caller gave it */
  readonly environment: string;
  readonly vcpu_count: number;
  readonly mem_mib: number;
}

/** A machine that waits for `setup`, and what its commands need to know. */
export interface OpenMachine {
  readonly machine: Machine;
  /** Build that the agent must answer with */
  readonly agent_build: string;
  /** Block device serials for `setup`; null where the machine has no such device */
  readonly disks: { readonly root: string | null; readonly disk: string | null };
  /** Environment variables of every command */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Time within which the agent answers a call, in milliseconds */
  readonly call_deadline_ms: number;
}

export interface MachineSource {
  open(request: MachineRequest, context: { readonly signal: AbortSignal; readonly emit: Emit }): Promise<OpenMachine>;
}
