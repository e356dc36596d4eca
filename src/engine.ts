/** Builds everything once: the surfaces and the operations see only this. */
import { Environments } from "./environments/environments.ts";
import { launchProcess } from "./keeper/launch.ts";
import { proveWorkspace } from "./keeper/proof.ts";
import { Workspaces } from "./keeper/workspaces.ts";
import type { GateSurroundings } from "./network/egress-gate.ts";
import { availableMemoryBytes } from "./platform/host.ts";
import { statePaths } from "./store/paths.ts";
import { WorkspaceStore } from "./store/workspace-store.ts";
import { version } from "./version.ts";
import { Doctor } from "./workspaces/doctor.ts";
import { GuestSource } from "./workspaces/guest-source.ts";
import { HostCageSource } from "./workspaces/host-cage-source.ts";
import type { MachineSource } from "./workspaces/machine-source.ts";
import { OneShot } from "./workspaces/one-shot.ts";
import { Preparation } from "./workspaces/preparation.ts";
import { type ProjectOptions, ProjectSource } from "./workspaces/project/project-source.ts";

export type { ProjectOptions, ProjectSource };

/** What operations act on. */
export interface Engine {
  readonly environments: Environments;
  readonly oneShot: OneShot;
  readonly workspaces: Workspaces;
  readonly preparation: Preparation;
  readonly doctor: Doctor;
  /** What the workspaces of one server begin with; nothing is looked at until it is asked */
  openProject(options: ProjectOptions): ProjectSource;
}

/** Parts that a test may bring of its own. */
export interface EngineParts {
  readonly guests?: MachineSource;
  readonly hostCages?: MachineSource;
  /** Who keeps workspaces, and what on; processes of their own, on the above, where absent */
  readonly workspaces?: Workspaces;
  /** What the gates of guests use in place of this machine's own network */
  readonly surroundings?: GateSurroundings;
}

export function createEngine(parts: EngineParts = {}): Engine {
  const env = process.env;
  const paths = statePaths(env);
  const environments = new Environments({ paths, env, pyro_version: version });
  const guests = new GuestSource(paths, environments, env["PYRO_ACCEL"]);
  const hostCages = parts.hostCages ?? new HostCageSource(environments);
  const around = parts.surroundings && { surroundings: parts.surroundings };
  const host = {
    store: new WorkspaceStore(paths),
    guests: parts.guests ?? guests,
    hostCages,
    env,
    availableMemory: availableMemoryBytes,
    ...around,
  };
  const workspaces = parts.workspaces ?? new Workspaces(host, launchProcess);
  const preparation = new Preparation(environments, guests, (environment, context) =>
    proveWorkspace(workspaces, environment, context),
  );
  return {
    environments,
    preparation,
    oneShot: new OneShot(host.guests, hostCages, parts.surroundings),
    workspaces,
    doctor: new Doctor(guests, preparation),
    openProject: (options) => new ProjectSource(options, env),
  };
}
