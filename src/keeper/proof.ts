/** The proof that workspaces of an environment work: one is made, used, reset and thrown away. */
import { PyroError } from "../contract/errors.ts";
import type { WorkContext } from "../workspaces/machine-source.ts";
import type { Workspaces } from "./workspaces.ts";

/** Time to live of a workspace whose prover was killed, in seconds. */
const TTL_SECONDS = 600;
const COMMAND_SECONDS = 30;
/** Outside of /workspace: a reset is of the whole sandbox. */
const MARK = "/var/pyro-proof";

/** Throws what failed, or `template_unusable` where a reset is none; nothing is left either way. */
export async function proveWorkspace(workspaces: Workspaces, environment: string, context: WorkContext): Promise<void> {
  await context.emit({ type: "progress", stage: "workspace", message: `Proving a workspace of ${environment}` });
  const quiet = { signal: context.signal, emit: () => {} };
  const shape = { vcpu_count: 1, mem_mib: 1024, ttl_seconds: TTL_SECONDS, network_policy: "off", label: {} } as const;
  const { workspace_id } = await workspaces.create({ environment, ...shape, allow_host_compat: false }, quiet);
  try {
    const status = async (...command: string[]) => {
      const input = { command, timeout_seconds: COMMAND_SECONDS, detach: false };
      return (await workspaces.call(workspace_id, "exec", input, quiet)).exit_code;
    };
    const isMarked = (await status("touch", MARK)) === 0 && (await status("test", "-e", MARK)) === 0;
    await workspaces.call(workspace_id, "reset", { snapshot: "baseline" }, quiet);
    if (!isMarked || (await status("test", "-e", MARK)) !== 1)
      throw new PyroError("template_unusable", `A workspace of "${environment}" was not as it was after a reset`);
  } finally {
    await workspaces.delete(workspace_id, { ...quiet, signal: new AbortController().signal });
  }
}
