/** Why a keeper ends its workspace's machine: what those are told who still call. */
import { PyroError } from "../contract/errors.ts";

export const endings = {
  deleted: (workspace_id: string) => new PyroError("workspace_not_found", `"${workspace_id}" was deleted`),
  expired: (workspace_id: string) =>
    new PyroError("workspace_expired", `"${workspace_id}" reached the end of its time to live`),
  stopped: (workspace_id: string) =>
    new PyroError("workspace_stopped", `"${workspace_id}" is stopped`, {
      hint: `pyro workspace start ${workspace_id}`,
    }),
  uncreated: (workspace_id: string) => new PyroError("workspace_not_found", `"${workspace_id}" could not be created`),
  left: (workspace_id: string, why: string) =>
    new PyroError("keeper_lost", `The keeper of "${workspace_id}" ended: ${why}`),
} as const;
