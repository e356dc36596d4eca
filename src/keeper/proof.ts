/** The proof that workspaces of an environment work: one is made, used, reset and thrown away. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { WorkContext } from "../workspaces/machine-source.ts";
import type { Workspaces } from "./workspaces.ts";

/** Time to live of a workspace whose prover was killed, in seconds. */
const TTL_SECONDS = 600;
const COMMAND_SECONDS = 30;
/** Outside of /workspace: a reset is of the whole sandbox. */
const MARK = "/pyro-proof";
/** For an environment without the programs that make that one. */
const FILE = "/workspace/pyro-proof";

/** A mark that a reset has to remove. */
interface Mark {
  make(): Promise<void>;
  isThere(): Promise<boolean>;
}

/** Throws what failed, or `template_unusable` where a reset is none; nothing is left either way. */
export async function proveWorkspace(workspaces: Workspaces, environment: string, context: WorkContext): Promise<void> {
  await context.emit({ type: "progress", stage: "workspace", message: `Proving a workspace of ${environment}` });
  const quiet = { signal: context.signal, emit: () => {} };
  const shape = { vcpu_count: 1, mem_mib: 1024, ttl_seconds: TTL_SECONDS, network_policy: "off", label: {} } as const;
  const { workspace_id } = await workspaces.create({ environment, ...shape, allow_host_compat: false }, quiet);
  try {
    const mark = await markIn(workspaces, workspace_id, quiet);
    const wasThere = await mark.isThere();
    await workspaces.call(workspace_id, "reset", { snapshot: "baseline" }, quiet);
    if (!wasThere || (await mark.isThere()))
      throw new PyroError("template_unusable", `A workspace of "${environment}" was not as it was after a reset`);
  } finally {
    await workspaces.delete(workspace_id, { ...quiet, signal: new AbortController().signal });
  }
}

/** Made by the environment's own programs, or, where it has none of them, by the agent. */
async function markIn(workspaces: Workspaces, workspace_id: string, quiet: WorkContext): Promise<Mark> {
  const byPrograms = programMark(workspaces, workspace_id, quiet);
  try {
    await byPrograms.make();
    await byPrograms.isThere();
    return byPrograms;
  } catch (thrown) {
    if (toPyroError(thrown).code !== "command_not_found") throw thrown;
  }
  const byAgent = fileMark(workspaces, workspace_id, quiet);
  await byAgent.make();
  return byAgent;
}

function programMark(workspaces: Workspaces, workspace_id: string, quiet: WorkContext): Mark {
  const status = async (...command: string[]) => {
    const input = { command, timeout_seconds: COMMAND_SECONDS, detach: false };
    return (await workspaces.call(workspace_id, "exec", input, quiet)).exit_code;
  };
  return {
    make: async () => {
      await status("touch", MARK);
    },
    isThere: async () => (await status("test", "-e", MARK)) === 0,
  };
}

function fileMark(workspaces: Workspaces, workspace_id: string, quiet: WorkContext): Mark {
  return {
    make: async () => {
      await workspaces.call(workspace_id, "writeFile", { path: FILE, text: "", encoding: "utf-8" }, quiet);
    },
    isThere: async () => {
      const { entries } = await workspaces.call(workspace_id, "listFiles", { path: ".", recursive: false }, quiet);
      return entries.some(({ path }) => FILE.endsWith(path));
    },
  };
}
