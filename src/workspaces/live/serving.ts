/** Services of a running workspace as its callers ask for them. */
import type { WorkContext } from "../machine-source.ts";
import { hostCompatWarning } from "../one-shot.ts";
import type { OutputInput } from "../services/service-output.ts";
import type { ServiceView } from "../services/service-record.ts";
import type { StartServiceInput } from "../services/services.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

export interface ServiceInput extends Omit<StartServiceInput, "env"> {
  /** Secrets that it gets as variables */
  readonly secret_env?: Readonly<Record<string, string>> | undefined;
}

/** Starts a service beside whatever else runs. */
export async function startService(
  workspace: LiveWorkspace,
  { secret_env, ...input }: ServiceInput,
  context: WorkContext,
): Promise<ServiceView> {
  await workspace.order.settled();
  if (workspace.session.execution_mode === "host_compat")
    await context.emit({ type: "warning", message: hostCompatWarning });
  workspace.noteActivity();
  return workspace.services.start({ ...input, env: workspace.secretEnv(secret_env) }, context);
}

export async function listServices(workspace: LiveWorkspace): Promise<{ services: ServiceView[] }> {
  await workspace.order.settled();
  return { services: workspace.services.list() };
}

export async function stopService(
  workspace: LiveWorkspace,
  { name, grace_seconds }: { readonly name: string; readonly grace_seconds: number },
): Promise<ServiceView> {
  await workspace.order.settled();
  workspace.noteActivity();
  return workspace.services.stop(name, grace_seconds * 1000);
}

/** Hands on what it prints, as output of the call. */
export async function serviceOutput(
  workspace: LiveWorkspace,
  { name, ...input }: OutputInput & { readonly name: string },
  context: WorkContext,
): Promise<ServiceView & { truncated: boolean }> {
  await workspace.order.settled();
  return workspace.services.output(name, input, context);
}
