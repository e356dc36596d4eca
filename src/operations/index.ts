/** The product's table of contents: every public operation under its SDK name. */
import { doctor } from "./doctor.ts";
import { envInspect } from "./env/inspect.ts";
import { envList } from "./env/list.ts";
import { envPrune } from "./env/prune.ts";
import { envPull } from "./env/pull.ts";
import { prepare } from "./prepare.ts";
import { run } from "./run.ts";
import { serviceList } from "./service/list.ts";
import { serviceLogs } from "./service/logs.ts";
import { serviceStart } from "./service/start.ts";
import { serviceStatus } from "./service/status.ts";
import { serviceStop } from "./service/stop.ts";
import { workspaceCreate } from "./workspace/create.ts";
import { workspaceDelete } from "./workspace/delete.ts";
import { workspaceDiff } from "./workspace/diff.ts";
import { workspaceDiskExport } from "./workspace/disk/export.ts";
import { workspaceDiskList } from "./workspace/disk/list.ts";
import { workspaceDiskRead } from "./workspace/disk/read.ts";
import { workspaceExec } from "./workspace/exec.ts";
import { workspaceExport } from "./workspace/export.ts";
import { workspaceFileList } from "./workspace/file/list.ts";
import { workspaceFileRead } from "./workspace/file/read.ts";
import { workspaceFileWrite } from "./workspace/file/write.ts";
import { workspaceList } from "./workspace/list.ts";
import { workspaceLogs } from "./workspace/logs.ts";
import { workspaceNetwork } from "./workspace/network.ts";
import { workspacePatchApply } from "./workspace/patch/apply.ts";
import { workspaceReap } from "./workspace/reap.ts";
import { workspaceReset } from "./workspace/reset.ts";
import { shellClose } from "./workspace/shell/close.ts";
import { shellList } from "./workspace/shell/list.ts";
import { shellOpen } from "./workspace/shell/open.ts";
import { shellRead } from "./workspace/shell/read.ts";
import { shellSignal } from "./workspace/shell/signal.ts";
import { shellWrite } from "./workspace/shell/write.ts";
import { snapshotCreate } from "./workspace/snapshot/create.ts";
import { snapshotDelete } from "./workspace/snapshot/delete.ts";
import { snapshotList } from "./workspace/snapshot/list.ts";
import { workspaceStart } from "./workspace/start.ts";
import { workspaceStatus } from "./workspace/status.ts";
import { workspaceStop } from "./workspace/stop.ts";
import { workspaceSummary } from "./workspace/summary.ts";
import { workspaceSyncPush } from "./workspace/sync/push.ts";
import { workspaceUpdate } from "./workspace/update.ts";
import { workspaceWait } from "./workspace/wait.ts";

export const operations = {
  runInVm: run,
  listEnvironments: envList,
  pullEnvironment: envPull,
  inspectEnvironment: envInspect,
  pruneEnvironments: envPrune,
  createWorkspace: workspaceCreate,
  listWorkspaces: workspaceList,
  statusWorkspace: workspaceStatus,
  updateWorkspace: workspaceUpdate,
  pushWorkspaceSync: workspaceSyncPush,
  execWorkspace: workspaceExec,
  waitWorkspace: workspaceWait,
  logsWorkspace: workspaceLogs,
  summarizeWorkspace: workspaceSummary,
  listWorkspaceFiles: workspaceFileList,
  readWorkspaceFile: workspaceFileRead,
  writeWorkspaceFile: workspaceFileWrite,
  applyWorkspacePatch: workspacePatchApply,
  diffWorkspace: workspaceDiff,
  exportWorkspace: workspaceExport,
  openShell: shellOpen,
  listShells: shellList,
  readShell: shellRead,
  writeShell: shellWrite,
  signalShell: shellSignal,
  closeShell: shellClose,
  createSnapshot: snapshotCreate,
  listSnapshots: snapshotList,
  deleteSnapshot: snapshotDelete,
  startService: serviceStart,
  listServices: serviceList,
  statusService: serviceStatus,
  logsService: serviceLogs,
  stopService: serviceStop,
  networkInfoVm: workspaceNetwork,
  resetWorkspace: workspaceReset,
  stopWorkspace: workspaceStop,
  startWorkspace: workspaceStart,
  exportWorkspaceDisk: workspaceDiskExport,
  listWorkspaceDisk: workspaceDiskList,
  readWorkspaceDisk: workspaceDiskRead,
  deleteWorkspace: workspaceDelete,
  reapExpired: workspaceReap,
  prepare,
  doctor,
} as const;

/** What a CLI group is for, by its first word. */
export const groups: Readonly<Record<string, string>> = {
  env: "Environments: what guests are started from",
  workspace: "Workspaces: sandboxes that live until they are deleted",
  sync: "Files of this machine that are laid over a workspace's",
  file: "Single files of a workspace",
  patch: "Patches for the files of a workspace",
  service: "Services: named processes of a workspace that go on",
  shell: "Shells: programs on a terminal in a workspace",
  snapshot: "Snapshots of a workspace's whole disk",
  disk: "The disk of a stopped workspace, looked at without running anything on it",
};
