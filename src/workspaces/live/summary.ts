/** What happened in a workspace since its last reset, short enough to be read at once. */
import { shownInWorkspace } from "../../contract/workspace-paths.ts";
import type { ConnectionView } from "../../network/connection-book.ts";
import type { WorkspacePaths } from "../../store/paths.ts";
import type { WorkspaceRecord } from "../../store/workspace-record.ts";
import { logsOf } from "../commands/logs.ts";
import type { CommandSummary } from "../commands/results.ts";
import type { CommandHistory } from "../history/history.ts";
import type { WorkContext } from "../machine-source.ts";
import { ServiceBook } from "../services/service-book.ts";
import type { ServiceView } from "../services/service-record.ts";
import type { ShellView } from "../shells/shell.ts";
import { compare } from "./changes.ts";
import { Journal, type JournalEntry } from "./journal.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Things of one kind that are named one by one. */
const NAMED = 20;
/** Characters of a command line. */
const COMMAND_CHARS = 200;

export interface SummarizedCommand {
  readonly sequence: number;
  readonly command: string;
  readonly state: "running" | "finished";
  readonly exit_code: number | null;
  readonly outcome_kind: string | null;
  readonly duration_ms: number | null;
}

export interface WorkspaceSummary {
  readonly workspace_id: string;
  readonly name: string | null;
  /** The last reset, or the creation */
  readonly since: string;
  readonly reset_count: number;
  readonly command_count: number;
  readonly failed_command_count: number;
  /** The newest of them, oldest first */
  readonly commands: readonly SummarizedCommand[];
  readonly syncs: readonly string[];
  readonly file_writes: readonly string[];
  readonly patches: readonly string[];
  readonly snapshots: readonly string[];
  readonly exports: readonly string[];
  readonly services: readonly string[];
  readonly service_count: number;
  /** Names of its secrets */
  readonly secrets: readonly string[];
  /** The newest of them, oldest first */
  readonly shells: readonly ShellView[];
  /** Hosts that were denied, since the machine's last start */
  readonly network_denied: readonly string[];
  /** Null where the workspace does not run, so that nothing can be compared */
  readonly diff: DiffTotals | null;
}

export interface DiffTotals {
  readonly entry_count: number;
  readonly additions: number;
  readonly deletions: number;
  readonly paths: readonly string[];
}

/** Sums up a running workspace. */
export async function summarizeWorkspace(workspace: LiveWorkspace, { signal }: WorkContext): Promise<WorkspaceSummary> {
  const { record, paths } = workspace;
  const { commands } = await workspace.commands.logs({ tail_lines: 1 });
  const diff = await workspace.readTree((tree) =>
    compare(workspace, tree, { binary: false, max_patch_bytes: 1_048_576 }, signal),
  );
  const totals = {
    entry_count: diff.entry_count,
    additions: diff.additions,
    deletions: diff.deletions,
    paths: diff.entries.slice(0, NAMED).map(({ path, status }) => `${status} ${path}`),
  };
  const services = workspace.services.list();
  const seen = { commands, services, shells: workspace.shells.list(), connections: workspace.egress.book.list() };
  return summaryOf(record, paths, { ...seen, diff: totals });
}

/** Sums up what is on record of a workspace that does not run. */
export async function summarizeRecord(
  record: WorkspaceRecord,
  paths: WorkspacePaths,
  history: CommandHistory,
): Promise<WorkspaceSummary> {
  const { commands } = await logsOf(history, { tail_lines: 1 });
  const book = ServiceBook.read(paths.history(record.reset_count));
  const services = book.list().map((one) => book.viewOf(one));
  return summaryOf(record, paths, { commands, services, shells: [], connections: [], diff: null });
}

/** What was found out for it. */
interface Seen {
  readonly commands: readonly CommandSummary[];
  readonly services: readonly ServiceView[];
  readonly shells: readonly ShellView[];
  readonly connections: readonly ConnectionView[];
  readonly diff: DiffTotals | null;
}

function summaryOf(
  { workspace_id, name, created_at, last_reset_at, reset_count, secrets }: WorkspaceRecord,
  paths: WorkspacePaths,
  seen: Seen,
): WorkspaceSummary {
  const { commands, services, shells, diff } = seen;
  const entries = new Journal(paths.journal(reset_count)).entries();
  const of = (kind: JournalEntry["kind"]) =>
    entries
      .filter((entry) => entry.kind === kind)
      .slice(-NAMED)
      .map(sentence);
  return {
    workspace_id,
    name,
    since: last_reset_at ?? created_at,
    reset_count,
    command_count: commands.length,
    failed_command_count: commands.filter(({ exit_code }) => (exit_code ?? 0) !== 0).length,
    commands: commands.slice(-NAMED).map(commandOf),
    syncs: of("sync"),
    file_writes: of("file_write"),
    patches: of("patch"),
    snapshots: of("snapshot"),
    exports: of("export"),
    services: services.slice(-NAMED).map(serviceLine),
    service_count: services.length,
    secrets: secrets.map(({ name: secret }) => secret),
    shells: shells.slice(-NAMED),
    network_denied: deniedLines(seen.connections),
    diff,
  };
}

function serviceLine({ name, state, exit_code, stop_reason, published_ports }: ServiceView): string {
  const status = exit_code === null ? "" : `, exit status ${exit_code}`;
  const why = stop_reason === null ? "" : `: ${stop_reason}`;
  const ports = published_ports.map(({ host, host_port, guest_port }) => `, ${host}:${host_port} -> ${guest_port}`);
  return `${name}: ${state}${status}${why}${ports.join("")}`;
}

/** Each place once, with how often it was denied. */
function deniedLines(connections: readonly ConnectionView[]): string[] {
  const counts = new Map<string, number>();
  for (const { verdict, host, port, rule } of connections) {
    if (verdict !== "denied") continue;
    const line = `${host}${port === null ? "" : `:${port}`}: ${rule}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].slice(-NAMED).map(([line, count]) => (count === 1 ? line : `${line}, ${count} times`));
}

function commandOf({ sequence, command, state, exit_code, outcome_kind, duration_ms }: CommandSummary) {
  return { sequence, command: command.join(" ").slice(0, COMMAND_CHARS), state, exit_code, outcome_kind, duration_ms };
}

function sentence(entry: JournalEntry): string {
  switch (entry.kind) {
    case "sync":
      return `${entry.entry_count} entries, ${entry.bytes} bytes, to ${entry.dest}`;
    case "file_write":
      return `${shownInWorkspace(entry.path)}, ${entry.bytes} bytes`;
    case "patch":
      return `${entry.file_count} files: ${entry.files.join(", ")}${entry.file_count > entry.files.length ? ", …" : ""}`;
    case "snapshot":
      return entry.is_deleted ? `${entry.name} was deleted` : `${entry.name} was made`;
    case "export":
      return `${entry.path} to ${entry.output}, ${entry.bytes} bytes`;
  }
}
