/** What people see of results and errors; every operation without a view of its own is shown as its fields. */
import type { z } from "zod";
import type { PyroError } from "../../contract/errors.ts";
import { cleanText } from "../../contract/text.ts";
import { operations } from "../../operations/index.ts";
import type { Operation } from "../../operations/operation.ts";
import { execText, logsText, summaryText, waitText } from "./commands.ts";
import { environmentTable, environmentText, pulledText } from "./environments.ts";
import { networkText } from "./network.ts";
import { serviceLine, serviceTable } from "./services.ts";
import { readingText, shellLine, shellTable } from "./shells.ts";
import { pairs, size, table } from "./values.ts";
import {
  diffText,
  exportText,
  fileTable,
  fileText,
  patchText,
  resetLine,
  snapshotTable,
  workspaceLine,
  workspaceTable,
} from "./workspaces.ts";

type Views = { [Name in keyof typeof operations]?: (result: z.infer<(typeof operations)[Name]["output"]>) => string };

const views: Views = {
  runInVm: () => "",
  listEnvironments: environmentTable,
  inspectEnvironment: environmentText,
  pullEnvironment: pulledText,
  prepare: ({ name, changed, start_ms, template_size_bytes }) =>
    `${name} is warm${changed ? "" : ", as it was before"}: a command starts and ends in ${((start_ms ?? 0) / 1000).toFixed(2)} s; its template takes ${size(template_size_bytes ?? 0)}\n`,
  pruneEnvironments: ({ removed, freed_bytes }) =>
    `${removed.map((entry) => `removed ${entry.path} (${size(entry.size_bytes)})\n`).join("")}freed ${size(freed_bytes)} (${freed_bytes} bytes)\n`,
  createWorkspace: workspaceLine,
  startWorkspace: workspaceLine,
  stopWorkspace: workspaceLine,
  updateWorkspace: workspaceLine,
  resetWorkspace: resetLine,
  listWorkspaces: workspaceTable,
  deleteWorkspace: ({ workspace_id }) => `${workspace_id} is gone\n`,
  reapExpired: ({ removed }) =>
    removed.map(({ workspace_id, name, reason }) => `${name ?? workspace_id}: ${reason}\n`).join(""),
  listWorkspaceFiles: fileTable,
  listWorkspaceDisk: fileTable,
  readWorkspaceFile: fileText,
  readWorkspaceDisk: fileText,
  writeWorkspaceFile: ({ path, bytes_written, is_new }) =>
    `${path} was ${is_new ? "made" : "replaced"}: ${size(bytes_written)}\n`,
  pushWorkspaceSync: ({ entry_count, bytes_written, dest }) =>
    `${entry_count} entries (${size(bytes_written)}) were laid over ${dest}\n`,
  execWorkspace: execText,
  waitWorkspace: waitText,
  logsWorkspace: logsText,
  summarizeWorkspace: summaryText,
  applyWorkspacePatch: patchText,
  diffWorkspace: diffText,
  exportWorkspace: exportText,
  exportWorkspaceDisk: ({ output, allocated_bytes }) => `The disk was written to ${output}: ${size(allocated_bytes)}\n`,
  startService: serviceLine,
  stopService: serviceLine,
  listServices: serviceTable,
  networkInfoVm: networkText,
  logsService: () => "",
  openShell: shellLine,
  listShells: shellTable,
  readShell: readingText,
  writeShell: () => "",
  signalShell: shellLine,
  closeShell: shellLine,
  createSnapshot: ({ name }) => `snapshot ${name} was made\n`,
  deleteSnapshot: ({ name }) => `snapshot ${name} is gone\n`,
  listSnapshots: snapshotTable,
  doctor: ({ healthy, checks, capabilities, execution_mode, environment }) =>
    `${table(
      ["CHECK", "STATE", "DETAIL"],
      checks.map((check) => [check.name, check.state, check.detail]),
    )}\n${checks.map((check) => (check.remedy === null ? "" : `${check.name}: ${check.remedy}\n`)).join("")}${pairs({
      ...capabilities,
      execution_mode,
    })}${environment === null ? "" : readiness(environment)}${healthy ? "pyro run works on this machine\n" : "pyro run would fail on this machine\n"}`,
};

function readiness(env: NonNullable<z.infer<(typeof operations)["doctor"]["output"]>["environment"]>): string {
  const why = env.reason === null ? "" : `: ${env.reason}`;
  const since = env.prepared_at === null ? "" : `, last prepared ${env.prepared_at}`;
  const template = env.template_size_bytes === null ? "" : `, template of ${size(env.template_size_bytes)}`;
  const advice = env.state === "warm" ? "" : `${env.name}: pyro prepare ${env.name}\n`;
  return `${env.name} is ${env.state}${why}${since}${template}\n${advice}`;
}

/** The text for a result on standard output. */
export function render(op: Operation, result: unknown): string {
  const view = Object.entries(operations).find(([, candidate]) => candidate === op)?.[0] as keyof Views | undefined;
  const show = view === undefined ? undefined : (views[view] as ((value: unknown) => string) | undefined);
  return show === undefined ? pairs(result as Record<string, unknown>) : show(result);
}

/** An error as people read it: what happened, then what to do; with PYRO_DEBUG=1 the chain of causes. */
export function errorText(error: PyroError): string {
  const tail = typeof error.details["console_tail"] === "string" ? cleanText(error.details["console_tail"]).trim() : "";
  const console_lines = tail === "" ? "" : `guest console:\n${tail.replace(/^/gm, "  ")}\n`;
  const debug = process.env["PYRO_DEBUG"] === "1" ? `${stackOf(error)}\n` : "";
  return `pyro: ${error.code}: ${cleanText(error.message)}\n${console_lines}hint: ${error.hint}\n${debug}`;
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}
