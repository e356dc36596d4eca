/** The help of every command, as a terminal of fixed width shows it. */
import type { Command } from "commander";
import { buildProgram } from "../../src/cli/program.ts";

const COLUMNS = 100;

export interface CommandHelp {
  /** The words that a person types, such as `pyro env list` */
  readonly words: string;
  readonly text: string;
}

/** The program's own help, then that of every group and command in the order of the program. */
export function commandHelp(): CommandHelp[] {
  return walk(
    buildProgram(async () => {}, undefined),
    "",
  );
}

function walk(command: Command, parent: string): CommandHelp[] {
  const words = `${parent} ${command.name()}`.trim();
  return [{ words, text: helpOf(command) }, ...command.commands.flatMap((child) => walk(child, words))];
}

function helpOf(command: Command): string {
  const parts: string[] = [];
  command.configureOutput({
    writeOut: (text) => parts.push(text),
    getOutHelpWidth: () => COLUMNS,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return parts
    .join("")
    .replace(/[ \t]+$/gm, "")
    .trimEnd();
}
