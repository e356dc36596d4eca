/** What people see of shells. */
import type { z } from "zod";
import { cleanText } from "../../contract/text.ts";
import type { operations } from "../../operations/index.ts";
import { stdoutIsTerminal } from "../../platform/terminal.ts";
import { ago, table } from "./values.ts";

type Output<Name extends keyof typeof operations> = z.infer<(typeof operations)[Name]["output"]>;
type Shell = Output<"openShell">;

/** One line on a shell. */
export function shellLine(shell: Shell): string {
  return `${shell.shell_id} (${shell.program}, ${shell.cols}x${shell.rows}) ${endOf(shell)}\n`;
}

/** A table, oldest first. */
export function shellTable({ shells }: Output<"listShells">): string {
  if (shells.length === 0) return "There is no shell. Open one: pyro workspace shell open WORKSPACE\n";
  const rows = shells.map((shell) => [
    shell.shell_id,
    endOf(shell),
    shell.program,
    `${shell.cols}x${shell.rows}`,
    ago(shell.started_at),
    cleanText(shell.cwd).replaceAll("\n", " "),
  ]);
  return table(["ID", "STATE", "PROGRAM", "SIZE", "OPENED", "DIRECTORY"], rows);
}

/** What was printed: as it is where a program reads it, harmless on a terminal. */
export function readingText({ output, truncated }: Output<"readShell">): string {
  const gap = truncated ? "[what came before is not kept]\n" : "";
  return stdoutIsTerminal() ? `${gap}${cleanText(output)}${output.endsWith("\n") ? "" : "\n"}` : output;
}

export function endOf({ state, exit_code }: Pick<Shell, "state" | "exit_code">): string {
  if (state === "running") return "runs";
  return exit_code === null ? "was closed" : `exited with ${exit_code}`;
}
