/** Begins a command in the history at its first argument and prints into it: endlessly, or so many bytes that the disk may not take. */
import { writeSync } from "node:fs";
import { CommandHistory } from "../../src/workspaces/history/history.ts";

const [directory = "", bytes] = process.argv.slice(2);
const history = CommandHistory.open(directory);
const log = history.begin(["printer"], "/");
let written = 0;
while (bytes === undefined || written < Number(bytes)) {
  const line = Buffer.from(`line ${written} ä\n`.padEnd(999, "."));
  log.append("stdout", line);
  written += line.length;
  if (bytes === undefined && written % 100_000 === 0) writeSync(1, `${written}\n`);
}
log.finish({
  exit_code: 0,
  timed_out: false,
  duration_ms: 1,
  outcome: { kind: "exited", detail: "", remedy: null, retry_safe: false },
});
const { log_error, stdout_bytes, state } = log.record;
const on_disk = CommandHistory.read(directory).find(1).segments.end;
writeSync(1, JSON.stringify({ log_error, stdout_bytes, state, end: log.end, truncated: log.is_truncated, on_disk }));
