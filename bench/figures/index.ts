/** The figures of `make bench`, in the order they are taken and printed. */
import type { Figure } from "../figure.ts";
import { agentRoundTrip } from "./agent-round-trip.ts";
import { coldBoot } from "./cold-boot.ts";
import { coldOverRestore } from "./cold-over-restore.ts";
import { egressConnect } from "./egress-connect.ts";
import { egressThroughput, egressThroughput32 } from "./egress-throughput.ts";
import { eightClones } from "./eight-clones.ts";
import { execTrue } from "./exec-true.ts";
import { fiftyServices } from "./fifty-services.ts";
import { idleCpu } from "./idle-cpu.ts";
import { idleMemory } from "./idle-memory.ts";
import { imageBuild } from "./image-build.ts";
import { imagePull, imagePullShared } from "./image-pull.ts";
import { inputThroughput } from "./input-throughput.ts";
import { mcpCreate, mcpCreateSpare, mcpEightClients, mcpExec, mcpExecOverhead, mcpRun, mcpStart } from "./mcp.ts";
import { outputThroughput } from "./output-throughput.ts";
import { overBareQemu } from "./over-bare-qemu.ts";
import { portLatency } from "./port-latency.ts";
import { portThroughput } from "./port-throughput.ts";
import { restore, restoreByMemory } from "./restore.ts";
import { runTrue } from "./run-true.ts";
import { shellEcho } from "./shell-echo.ts";
import { versionStart } from "./version-start.ts";
import { workspaceCreateCli, workspaceCreateSdk } from "./workspace-create.ts";
import { workspaceDiff, workspaceDiffOverFewer } from "./workspace-diff.ts";
import { workspaceExec, workspaceExecOverhead } from "./workspace-exec.ts";
import { workspaceMemory } from "./workspace-memory.ts";
import { workspaceReset, workspaceResetOverEmpty } from "./workspace-reset.ts";
import { workspaceExport, workspaceSeed } from "./workspace-seed.ts";
import { workspaceSnapshot } from "./workspace-snapshot.ts";

export const figures: readonly Figure[] = [
  restore,
  coldOverRestore(512),
  coldOverRestore(1024),
  restoreByMemory,
  runTrue,
  eightClones,
  idleMemory,
  idleCpu,
  versionStart,
  coldBoot,
  overBareQemu,
  agentRoundTrip,
  execTrue,
  outputThroughput,
  inputThroughput,
  egressConnect,
  egressThroughput,
  egressThroughput32,
  workspaceCreateCli,
  workspaceCreateSdk,
  workspaceExec,
  workspaceExecOverhead,
  shellEcho,
  workspaceReset,
  workspaceResetOverEmpty,
  workspaceSnapshot,
  workspaceSeed,
  workspaceExport,
  workspaceDiff,
  workspaceDiffOverFewer,
  workspaceMemory,
  mcpStart,
  mcpCreate,
  mcpCreateSpare,
  mcpExec,
  mcpExecOverhead,
  mcpRun,
  mcpEightClients,
  portThroughput,
  portLatency,
  fiftyServices,
  imageBuild,
  imagePull,
  imagePullShared,
];
