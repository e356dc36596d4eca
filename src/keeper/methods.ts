/** What a keeper does for its callers, by name; the callers' side of each is typed by this table. */
import { PyroError, toPyroError } from "../contract/errors.ts";
import { failpoint } from "../platform/failpoint.ts";
import type { ExecInput } from "../workspaces/commands/commands.ts";
import type { WaitInput } from "../workspaces/commands/conditions.ts";
import type { LogsInput } from "../workspaces/commands/logs.ts";
import { type DiffInput, diffWorkspace, patchWorkspace } from "../workspaces/live/changes.ts";
import { type CreateInput, createWorkspace } from "../workspaces/live/creation.ts";
import { execCommand, waitForCommand } from "../workspaces/live/execution.ts";
import { type ReadInput, readFile, type WriteInput, writeFile } from "../workspaces/live/files.ts";
import { type ListInput, listFiles } from "../workspaces/live/listing.ts";
import type { LiveWorkspace } from "../workspaces/live/live-workspace.ts";
import {
  listServices,
  type ServiceInput,
  serviceOutput,
  startService,
  stopService,
} from "../workspaces/live/serving.ts";
import {
  attachShell,
  closeShell,
  type OpenShellInput,
  openShell,
  type ReadShellInput,
  type ResizeShellInput,
  readShell,
  resizeShell,
  type ShellInput,
  type SignalShellInput,
  signalShell,
  type WriteShellInput,
  writeShell,
} from "../workspaces/live/shell-calls.ts";
import { createSnapshot, deleteSnapshot, resetWorkspace } from "../workspaces/live/snapshots.ts";
import { summarizeWorkspace } from "../workspaces/live/summary.ts";
import { type ExportInput, exportPath, type PushInput, pushTree } from "../workspaces/live/transfer.ts";
import type { OutputInput } from "../workspaces/services/service-output.ts";
import { statusOf, type WorkspaceStatus } from "../workspaces/workspace-view.ts";
import type { CallContext } from "./control-server.ts";
import { endings } from "./endings.ts";
import { applyUpdate, type UpdateInput } from "./update.ts";

/** What of a keeper its methods use. */
export interface Kept {
  readonly workspace: LiveWorkspace;
  /** Ends the machine and the keeper; calls in progress get their answers */
  end(why: PyroError): Promise<void>;
  /** Puts on record that the machine ended unasked, and ends the keeper */
  lost(error: PyroError): Promise<void>;
  /** Ends the machine and the keeper, and removes the workspace */
  remove(why: PyroError): Promise<void>;
  /** To be called when the time to live was changed */
  lookAtTime(): void;
}

/** What all of them have in common: nothing but their keeper. */
export function methodsOf(keeper: Kept) {
  const { workspace } = keeper;
  return {
    create: (input: CreateInput, context: CallContext) => create(keeper, input, context),
    start: (_: object, context: CallContext) => start(keeper, context),
    stop: (_: object, context: CallContext) => stop(keeper, context),
    delete: async (_: object) => keeper.remove(endings.deleted(workspace.record.workspace_id)),
    status: async (_: object) => view(workspace),
    update: async (input: UpdateInput) => update(keeper, input),
    reset: (input: { snapshot: string }, context: CallContext) => reset(keeper, input.snapshot, context),
    createSnapshot: (input: { name: string }, context: CallContext) =>
      machineKept(keeper, () => createSnapshot(workspace, input, context)),
    deleteSnapshot: (input: { name: string }, context: CallContext) => deleteSnapshot(workspace, input, context),
    exec: async (input: ExecInput, context: CallContext) => {
      const result = await execCommand(workspace, input, context);
      await failpoint("exec.reply");
      return result;
    },
    wait: (input: WaitInput, context: CallContext) => waitForCommand(workspace, input, context),
    logs: (input: LogsInput) => workspace.commands.logs(input),
    summary: (_: object, context: CallContext) => summarizeWorkspace(workspace, context),
    startService: (input: ServiceInput, context: CallContext) => startService(workspace, input, context),
    listServices: (_: object) => listServices(workspace),
    serviceOutput: (input: OutputInput & { name: string }, context: CallContext) =>
      serviceOutput(workspace, input, context),
    stopService: (input: { name: string; grace_seconds: number }) => stopService(workspace, input),
    network: async (_: object) => workspace.egress.view(),
    listFiles: (input: ListInput, context: CallContext) => listFiles(workspace, input, context),
    readFile: (input: ReadInput, context: CallContext) => readFile(workspace, input, context),
    writeFile: (input: WriteInput, context: CallContext) => writeFile(workspace, input, context),
    diff: (input: DiffInput, context: CallContext) => diffWorkspace(workspace, input, context),
    patch: (input: { patch: string }, context: CallContext) => patchWorkspace(workspace, input, context),
    push: (input: PushInput, context: CallContext) => pushTree(workspace, input, context),
    openShell: (input: OpenShellInput) => openShell(workspace, input),
    listShells: async (_: object) => ({ shells: workspace.shells.list() }),
    readShell: (input: ReadShellInput, context: CallContext) => readShell(workspace, input, context),
    writeShell: (input: WriteShellInput, context: CallContext) => writeShell(workspace, input, context),
    signalShell: (input: SignalShellInput) => signalShell(workspace, input),
    resizeShell: (input: ResizeShellInput) => resizeShell(workspace, input),
    closeShell: (input: ShellInput) => closeShell(workspace, input),
    attachShell: (input: ShellInput, context: CallContext) => attachShell(workspace, input, context),
    export: (input: ExportInput, context: CallContext) => exportPath(workspace, input, context),
  };
}

export type KeeperMethods = ReturnType<typeof methodsOf>;

/** What a keeper says of its workspace. */
function view(workspace: LiveWorkspace): WorkspaceStatus {
  const isRunning = workspace.isRunning;
  return statusOf(workspace.record, {
    state: isRunning ? "started" : restingState(workspace),
    execution_mode: isRunning ? workspace.session.execution_mode : null,
    command_count: workspace.commandCount,
    service_count: workspace.servicesInSight.count,
    running_service_count: workspace.servicesInSight.running,
    published_ports: workspace.servicesInSight.ports,
    shell_count: workspace.shells.openCount,
    last_activity_at: workspace.lastActivity(),
    failure: workspace.record.failure,
  });
}

function restingState({ record }: LiveWorkspace): "starting" | "stopped" | "failed" {
  if (record.failure !== null) return "failed";
  return record.wanted === "stopped" ? "stopped" : "starting";
}

/** A caller that only goes away has its workspace made all the same; whatever fails leaves nothing. */
async function create(keeper: Kept, input: CreateInput, context: CallContext): Promise<WorkspaceStatus> {
  const { workspace } = keeper;
  try {
    await workspace.order.replace(context.cancelled, () =>
      createWorkspace(workspace, input, { signal: context.cancelled, emit: tolerant(context) }),
    );
    workspace.noteActivity();
    return view(workspace);
  } catch (thrown) {
    await keeper.remove(endings.uncreated(workspace.record.workspace_id));
    throw thrown;
  }
}

/** A reader that has gone holds nothing up. */
function tolerant({ emit, signal }: CallContext): CallContext["emit"] {
  return (event) => (signal.aborted ? undefined : emit(event));
}

function start(keeper: Kept, context: CallContext): Promise<WorkspaceStatus> {
  const { workspace } = keeper;
  return workspace.order.replace(context.signal, async () => {
    if (workspace.isOver) throw new PyroError("workspace_busy", "Its keeper is about to leave");
    if (!workspace.isRunning) {
      const before = workspace.record;
      workspace.change({ wanted: "started", failure: null });
      try {
        await workspace.open(before.layers, context);
      } catch (thrown) {
        workspace.change({ wanted: before.wanted, failure: before.failure });
        throw thrown;
      }
      workspace.noteActivity();
    }
    return view(workspace);
  });
}

function stop(keeper: Kept, context: CallContext): Promise<WorkspaceStatus> {
  const { workspace } = keeper;
  return workspace.order.replace(context.signal, async () => {
    await workspace.stopServices("the workspace was stopped");
    await workspace.cancelCommands("the workspace was stopped");
    await flush(workspace, context);
    workspace.requireOpen();
    workspace.change({ wanted: "stopped", failure: null });
    workspace.noteActivity();
    await failpoint("stop.intent");
    const why = endings.stopped(workspace.record.workspace_id);
    await workspace.finish(why);
    await failpoint("stop.vmm_killed");
    void keeper.end(why);
    return view(workspace);
  });
}

/** A guest that does not answer is ended all the same. */
async function flush(workspace: LiveWorkspace, { emit }: CallContext): Promise<void> {
  try {
    await workspace.flush();
  } catch (thrown) {
    const { message } = toPyroError(thrown);
    await emit({ type: "warning", message: `The guest did not write back what it had in memory: ${message}` });
  }
}

async function reset(keeper: Kept, snapshot: string, context: CallContext): Promise<WorkspaceStatus> {
  const { workspace } = keeper;
  await workspace.cancelCommands("the workspace was reset");
  await machineKept(keeper, () => resetWorkspace(workspace, snapshot, context));
  return view(workspace);
}

/** Does what may cost the machine: one that is gone afterwards is put on record. */
async function machineKept<T>(keeper: Kept, run: () => Promise<T>): Promise<T> {
  const wasRunning = keeper.workspace.isRunning;
  try {
    return await run();
  } catch (thrown) {
    if (wasRunning && !keeper.workspace.isRunning) void keeper.lost(toPyroError(thrown));
    throw thrown;
  }
}

/** At once, whatever else is going on: nothing of the machine is changed. */
function update(keeper: Kept, input: UpdateInput): WorkspaceStatus {
  const { workspace } = keeper;
  workspace.requireOpen();
  workspace.change(applyUpdate(workspace.record, input));
  workspace.noteActivity();
  keeper.lookAtTime();
  return view(workspace);
}
