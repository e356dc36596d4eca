/** What people see of a workspace's commands. */
import type { z } from "zod";
import { cleanText } from "../../contract/text.ts";
import type { operations } from "../../operations/index.ts";
import { stdoutIsTerminal } from "../../platform/terminal.ts";
import { endOf } from "./shells.ts";
import { ago, table } from "./values.ts";

type Output<Name extends keyof typeof operations> = z.infer<(typeof operations)[Name]["output"]>;

const COMMAND_CHARS = 60;

/** Nothing but its output for a command that has ended; how to come back to one that runs. */
export function execText({ sequence, state }: Output<"execWorkspace">): string {
  return state === "finished" ? "" : `command ${sequence} runs: pyro workspace wait WORKSPACE --sequence ${sequence}\n`;
}

/** Why the wait is over, and what was printed meanwhile. */
export function waitText({ reason, last_seen, output }: Output<"waitWorkspace">): string {
  const words = { matched: "it is so", timeout: "not yet", target_died: "it will not be" } as const;
  return `${shown(output)}${output === "" || output.endsWith("\n") ? "" : "\n"}${words[reason]}: ${cleanText(last_seen)}\n`;
}

/** The output of one command where it was asked for, else a table of all. */
export function logsText(result: Output<"logsWorkspace">): string {
  const { commands, output, next_cursor, truncated } = result;
  const [only] = commands;
  if (commands.length === 1 && only !== undefined && only.last_lines === "" && output !== "")
    return `${shown(output)}${truncated ? `[more: --cursor ${next_cursor}]\n` : ""}`;
  if (commands.length === 0) return "No command has run since the last reset\n";
  const rows = commands.map((each) => [
    String(each.sequence),
    each.state === "running" ? "running" : `${each.outcome_kind} ${each.exit_code}`,
    each.duration_ms === null ? "-" : `${(each.duration_ms / 1000).toFixed(1)} s`,
    ago(each.started_at),
    cleanText(each.command.join(" ")).replaceAll("\n", " ").slice(0, COMMAND_CHARS),
  ]);
  return table(["#", "END", "TOOK", "STARTED", "COMMAND"], rows);
}

/** Sections, those without content left out. */
export function summaryText(summary: Output<"summarizeWorkspace">): string {
  const { name, workspace_id, since, command_count, failed_command_count, commands, diff } = summary;
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? ""
      : `${title}:\n${lines.map((line) => `  ${cleanText(line).replaceAll("\n", " ")}\n`).join("")}`;
  const changed =
    diff === null
      ? "It does not run, so nothing was compared\n"
      : section(`${diff.entry_count} files differ from the seed (+${diff.additions} -${diff.deletions})`, diff.paths) ||
        "Nothing differs from the seed\n";
  return [
    `${name ?? workspace_id}, since ${ago(since)}: ${command_count} commands, ${failed_command_count} of them failed\n`,
    section(
      "commands",
      commands.map(
        (each) => `${each.sequence}  ${each.outcome_kind ?? "running"} ${each.exit_code ?? ""}  ${each.command}`,
      ),
    ),
    section("services", summary.services),
    section(
      "shells",
      summary.shells.map((shell) => `${shell.shell_id}  ${shell.program}  ${endOf(shell)}`),
    ),
    section("connections that were denied", summary.network_denied),
    section("pushed", summary.syncs),
    section("written", summary.file_writes),
    section("patched", summary.patches),
    section("snapshots", summary.snapshots),
    section("exported", summary.exports),
    section("secrets", summary.secrets),
    changed,
  ].join("");
}

/** Byte for byte where a program reads it, harmless on a terminal. */
function shown(text: string): string {
  return stdoutIsTerminal() ? cleanText(text) : text;
}
