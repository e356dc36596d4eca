/** Shows events on standard error as the command line does: `show-events silent|plain EVENT…`, each event as JSON. */
import { ProgressLine } from "../../src/cli/progress-line.ts";

const [, , mode, ...events] = process.argv;
const line = new ProgressLine(mode === "silent");
for (const event of events) await line.show(JSON.parse(event));
line.clear();
