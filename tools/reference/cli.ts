/** `docs/reference/cli.md`: the help of every command. */
import { commandHelp } from "./command-help.ts";
import { code, page } from "./markdown.ts";

const introduction = `\`pyro\` and every command answer \`--help\`. Standard output carries a command's own output or its result; what pyro itself
says goes to standard error. With \`--json\` standard output carries one JSON document and nothing else.`;

/** The whole page. */
export function cliReference(): string {
  const sections = commandHelp().flatMap(({ words, text }) => [`## ${code(words)}`, `\`\`\`text\n${text}\n\`\`\``]);
  return page("src/operations", ["# Command line", introduction, ...sections]);
}
