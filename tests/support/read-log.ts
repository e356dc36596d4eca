/** Prints the text of a command's log as another process finds it: directory of the history, sequence, cursor. */
import { writeSync } from "node:fs";
import { CommandHistory } from "../../src/workspaces/history/history.ts";
import { textFrom } from "../../src/workspaces/history/text.ts";

const [directory = "", sequence, cursor] = process.argv.slice(2);
const log = CommandHistory.read(directory).find(Number(sequence));
writeSync(1, JSON.stringify(textFrom(log, Number(cursor), 65_536)));
