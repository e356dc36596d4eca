/** Where machines come from: a virtual machine, a cage on the host, or a test's fake; the rest of pyro cannot tell them apart. */
import type { PyroError } from "../contract/errors.ts";
import type { Emit } from "../contract/progress.ts";
import type { DiskKind, TreeArchive } from "../environments/disks.ts";
import type { EnvironmentImage } from "../environments/records.ts";
import type { OpenFile } from "../platform/files.ts";
import type { Machine } from "../vmm/machine.ts";
import type { AgentClient } from "../wire/client.ts";
import type { MachineDisk } from "./guest-parts.ts";

/** What long work is given. */
export interface WorkContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

export interface MachineRequest {
  /** Name of the environment as the caller gave it */
  readonly environment: string;
  readonly vcpu_count: number;
  readonly mem_mib: number;
  /** The image to use, whatever that name stands for now */
  readonly image?: EnvironmentImage;
  /** Disk that outlives the machine, its files the caller's to close; without it the machine has one that is gone with it */
  readonly disk?: MachineDisk;
}

/** A machine that waits for `setup`, and what its commands need to know. */
export interface OpenMachine {
  readonly machine: Machine;
  /** Build that the agent must answer with */
  readonly agent_build: string;
  /** Block devices for `setup`, by their serials; null where the machine has no such device */
  readonly disks: {
    readonly root: string | null;
    readonly disk: { readonly serial: string; readonly size_bytes: number } | null;
  };
  /** Environment variables of every command */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where secrets are kept; the usual place of guests where it is absent */
  readonly secrets_directory?: string;
  /** Time within which the agent answers a call, in milliseconds */
  readonly call_deadline_ms: number;
  /** What answers in place of its agent where programs ask for connections */
  readonly egress?: AgentClient["egress"];
  /** Opens another machine without the template that this one came from, which did not prove usable */
  readonly instead?: (error: PyroError) => Promise<OpenMachine>;
  /** When this restore began, in milliseconds of `performance.now`, where it is the first from its template */
  readonly first_restore_began?: number;
}

/** Where the parts of disks come from. */
export interface DiskSource {
  /** A new part of a disk, to be copied. */
  make(kind: DiskKind, signal: AbortSignal): Promise<OpenFile>;
  /** Writes a new disk into an empty file; the tree is what commands find where they begin. */
  fill(tree: TreeArchive, disk: OpenFile, signal: AbortSignal): Promise<void>;
}

export interface MachineSource {
  /** What an environment's name stands for now; it is fetched where it is missing. */
  image(environment: string, context: WorkContext): Promise<EnvironmentImage>;
  /** Absent where machines have no disk that could outlive them */
  readonly disks?: DiskSource;
  open(request: MachineRequest, context: WorkContext): Promise<OpenMachine>;
}
