/** What people see of workspaces, their files and their snapshots. */
import type { z } from "zod";
import { showPath } from "../../contract/path-bytes.ts";
import { cleanText } from "../../contract/text.ts";
import type { operations } from "../../operations/index.ts";
import { stdoutIsTerminal } from "../../platform/terminal.ts";
import { ago, size, table } from "./values.ts";

type Output<Name extends keyof typeof operations> = z.infer<(typeof operations)[Name]["output"]>;
type Status = Output<"statusWorkspace">;

/** One line on a workspace that was just changed. */
export function workspaceLine(status: Status): string {
  const seed = status.workspace_seed;
  const seeded =
    seed.origin_ref === null
      ? ""
      : `, seeded with ${seed.entry_count} entries (${size(seed.bytes_written)}) of ${seed.origin_ref}`;
  const mode = status.execution_mode === null ? "" : ` (${status.execution_mode})`;
  return `${callName(status)} is ${status.state}${mode}${seeded}\n`;
}

/** One line on a workspace that was reset. */
export function resetLine(status: Status): string {
  return `${callName(status)} was reset, ${status.reset_count} ${status.reset_count === 1 ? "time" : "times"} so far\n`;
}

/** A table, newest activity first. */
export function workspaceTable({ workspaces, damaged }: Output<"listWorkspaces">): string {
  const rows = workspaces.map((one) => [
    one.workspace_id,
    one.name ?? "-",
    one.running_service_count === 0 ? one.state : `${one.state}, ${servicesOf(one)}`,
    one.environment,
    one.workspace_seed.origin_ref ?? "-",
    ago(one.last_activity_at),
    ago(one.expires_at),
    Object.entries(one.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  ]);
  const shown =
    rows.length === 0 ? "" : table(["ID", "NAME", "STATE", "ENVIRONMENT", "SEED", "ACTIVE", "EXPIRES", "LABELS"], rows);
  const broken = damaged.map(({ workspace_id, reason }) => `${workspace_id} cannot be read: ${reason}\n`).join("");
  const advice = damaged.length === 0 ? "" : "pyro workspace reap sets aside what cannot be read\n";
  return shown + broken + advice || "There is no workspace. Make one: pyro workspace create debian:12 --seed-path .\n";
}

/** How many services run, and the ports on this machine that lead to them. */
function servicesOf({ running_service_count, published_ports }: Status): string {
  const ports = published_ports.map(({ host_port }) => `:${host_port}`).join(" ");
  return `${running_service_count} serving${ports === "" ? "" : ` on ${ports}`}`;
}

/** A listing as `ls -l` would have it, names quoted where they hold what cannot be seen. */
export function fileTable({ entries, truncated, next_cursor }: Output<"listWorkspaceFiles">): string {
  const letters = { file: "-", directory: "d", symlink: "l", other: "?" } as const;
  const rows = entries.map((entry) => [
    letters[entry.artifact_type],
    entry.artifact_type === "file" ? size(entry.size_bytes) : "",
    entry.modified_at.slice(0, 19).replace("T", " "),
    `${shown(entry.path)}${entry.link_target === null ? "" : ` -> ${shown(entry.link_target)}`}`,
  ]);
  const rest = next_cursor === null ? "some of it could not be listed" : `--cursor ${next_cursor}`;
  const cut = truncated ? `There is more: ${rest}\n` : "";
  return (rows.length === 0 ? "" : table(["", "SIZE", "MODIFIED", "PATH"], rows)) + cut;
}

/** The content, without what would act on a terminal. */
export function fileText({ content, truncated, offset, bytes_read }: Output<"readWorkspaceFile">): string {
  const rest = truncated ? `\n[more: --offset ${offset + bytes_read}]\n` : "";
  return `${cleanText(content)}${rest}`;
}

/** What crossed to this machine, and what to look at before it is used. */
export function exportText(result: Output<"exportWorkspace">): string {
  const notes = (title: string, paths: readonly string[]) =>
    paths.length === 0 ? "" : `${title}:\n${paths.map((path) => `  ${shown(path)}\n`).join("")}`;
  return [
    `${result.path} was written to ${shown(result.output)}: ${result.entry_count} entries, ${size(result.bytes_written)}\n`,
    notes(
      "left out, as they lead out",
      result.skipped_links.map(({ path }) => path),
    ),
    notes(
      "left out, as no such thing can be written",
      result.skipped.map(({ path }) => path),
    ),
    notes("left out, as git on this machine would act on it", result.omitted),
    notes("written to meanwhile", result.changed_during_export),
    notes("look at these before you trust them", result.review_before_trusting),
  ].join("");
}

/** The patch, byte for byte where a program reads it. */
export function diffText({ patch }: Output<"diffWorkspace">): string {
  return stdoutIsTerminal() ? cleanText(patch) : patch;
}

/** What a patch did, a line for each file. */
export function patchText({ files }: Output<"applyWorkspacePatch">): string {
  return files
    .map(({ path, old_path, status, additions, deletions }) => {
      const from = old_path === null ? "" : `${shown(old_path)} -> `;
      return `${status} ${from}${shown(path)} (+${additions} -${deletions})\n`;
    })
    .join("");
}

/** Snapshots, oldest first. */
export function snapshotTable({ snapshots }: Output<"listSnapshots">): string {
  return table(
    ["NAME", "CREATED"],
    snapshots.map(({ name, created_at }) => [name, ago(created_at)]),
  );
}

function callName({ workspace_id, name }: Pick<Status, "workspace_id" | "name">): string {
  return name === null ? workspace_id : `${name} (${workspace_id})`;
}

/** A path as it is, or quoted where a reader could be misled by it. */
function shown(path: string): string {
  const quoted = showPath(path);
  return quoted === `"${path}"` ? path : quoted;
}
