/** What this user's workspaces live on: their records, and where their machines come from. */
import { Environments } from "../environments/environments.ts";
import { availableMemoryBytes } from "../platform/host.ts";
import { statePaths } from "../store/paths.ts";
import { WorkspaceStore } from "../store/workspace-store.ts";
import { version } from "../version.ts";
import { GuestSource } from "../workspaces/guest-source.ts";
import { HostCageSource } from "../workspaces/host-cage-source.ts";
import type { WorkspaceHost } from "../workspaces/live/live-workspace.ts";

/** The same for every process with these variables. */
export function hostOf(env: NodeJS.ProcessEnv): WorkspaceHost {
  const paths = statePaths(env);
  const environments = new Environments({ paths, env, pyro_version: version });
  return {
    store: new WorkspaceStore(paths),
    guests: new GuestSource(paths, environments, env["PYRO_ACCEL"]),
    hostCages: new HostCageSource(environments),
    env,
    availableMemory: availableMemoryBytes,
  };
}
