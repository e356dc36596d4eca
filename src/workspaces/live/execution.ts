/** Commands of a running workspace as its callers ask for them. */
import { PyroError } from "../../contract/errors.ts";
import type { Outcome } from "../../contract/outcome.ts";
import type { CommandContext, ExecInput } from "../commands/commands.ts";
import type { WaitInput } from "../commands/conditions.ts";
import type { ExecResult, WaitResult } from "../commands/results.ts";
import { hostCompatWarning } from "../one-shot.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Ends that a person should be told of in words; the others show in the exit status. */
const told: ReadonlySet<Outcome["kind"]> = new Set(["timeout", "oom", "disk_full", "network_denied"]);

/** Runs a command beside whatever else runs. */
export async function execCommand(
  workspace: LiveWorkspace,
  input: ExecInput,
  context: CommandContext,
): Promise<ExecResult> {
  await workspace.order.settled();
  if (workspace.session.execution_mode === "host_compat")
    await context.emit({ type: "warning", message: hostCompatWarning });
  const env = { ...input.env, ...workspace.secretEnv(input.secret_env) };
  workspace.noteActivity();
  const result = await workspace.commands.exec({ ...input, env }, context).catch((thrown: unknown) => {
    throw startAgain(thrown, workspace.record.workspace_id);
  });
  const { outcome } = result;
  if (outcome !== null && told.has(outcome.kind)) {
    const remedy = outcome.remedy === null ? "" : `: ${outcome.remedy}`;
    await context.emit({ type: "warning", message: `${outcome.detail}${remedy}` });
  }
  const denied = outcome?.network_denied?.[0];
  if (denied !== undefined && outcome?.kind !== "network_denied")
    await context.emit({
      type: "warning",
      message: `${outcome?.network_denied_count ?? 1} connections or lookups of it were denied, first to ${denied.host} (${denied.rule}): ${denied.hint}`,
    });
  return result;
}

/** After its machine is lost, a workspace has to be started before a command can run again. */
function startAgain(thrown: unknown, workspace_id: string): unknown {
  if (!(thrown instanceof PyroError) || thrown.code !== "guest_lost") return thrown;
  const { message, details, cause } = thrown;
  return new PyroError("guest_lost", message, { hint: `pyro workspace start ${workspace_id}`, details, cause });
}

/** Waits beside whatever else runs. */
export async function waitForCommand(
  workspace: LiveWorkspace,
  input: WaitInput,
  context: Pick<CommandContext, "signal">,
): Promise<WaitResult> {
  await workspace.order.settled();
  return workspace.commands.wait(input, context);
}
