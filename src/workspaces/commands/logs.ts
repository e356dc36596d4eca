/** The history as it is asked for: a list of commands, or the output of one. */
import { PyroError } from "../../contract/errors.ts";
import { LinePattern } from "../../platform/line-pattern.ts";
import type { CommandLog } from "../history/command-log.ts";
import type { CommandHistory } from "../history/history.ts";
import { selectLines } from "../history/lines.ts";
import { textFrom } from "../history/text.ts";
import type { CommandSummary, LogsResult } from "./results.ts";

export interface LogsInput {
  readonly sequence?: number | undefined;
  readonly cursor?: number | undefined;
  readonly max_chars?: number | undefined;
  readonly tail_lines?: number | undefined;
  /** Only lines that match this regular expression */
  readonly grep?: string | undefined;
}

/** Output of one answer, in characters: unless asked otherwise, and what may be asked for (docs/design/limits.md). */
const DEFAULT_CHARS = 65_536;
const LARGEST_CHARS = 1_048_576;
/** Room that even the longest character leaves progress in. */
const FEWEST_CHARS = 16;
/** The list shows so much of the output of so many of the newest commands. */
const LIST_LINES = 3;
const MOST_LIST_LINES = 20;
const LIST_LINE_CHARS = 512;
const LIST_WITH_LINES = 50;

/** Answers `logs`. Throws `invalid_input`, `command_not_recorded`. */
export async function logsOf(history: CommandHistory, input: LogsInput): Promise<LogsResult> {
  const { sequence, cursor = 0, max_chars = DEFAULT_CHARS, tail_lines, grep } = input;
  const pattern = grep === undefined ? undefined : new LinePattern(grep);
  if (sequence === undefined) return listOf(history, input, pattern);
  const log = history.find(sequence);
  const chars = Math.min(LARGEST_CHARS, Math.max(FEWEST_CHARS, max_chars));
  const isWhole = pattern === undefined && tail_lines === undefined;
  const text = isWhole
    ? textFrom(log, cursor, chars)
    : await selectLines(log, { cursor, max_chars: chars, tail_lines, pattern });
  return { commands: [summaryOf(log, "")], ...text };
}

/** Newest last. With a pattern only commands that printed such a line, and those lines. */
async function listOf(
  history: CommandHistory,
  input: LogsInput,
  pattern: LinePattern | undefined,
): Promise<LogsResult> {
  if (input.cursor !== undefined)
    throw new PyroError("invalid_input", "A cursor belongs to the output of one command", { hint: "Give --sequence" });
  const tail_lines = Math.min(input.tail_lines ?? LIST_LINES, MOST_LIST_LINES);
  const selection = { cursor: 0, max_chars: Math.max(1, tail_lines) * LIST_LINE_CHARS, tail_lines, pattern };
  const logs = history.list();
  const silent = pattern === undefined ? logs.length - LIST_WITH_LINES : 0;
  const commands: CommandSummary[] = [];
  for (const [at, log] of logs.entries())
    commands.push(summaryOf(log, at < silent ? "" : (await selectLines(log, selection)).output));
  const found = pattern === undefined ? commands : commands.filter(({ last_lines }) => last_lines !== "");
  return { commands: found, output: "", cursor: 0, next_cursor: 0, truncated: logs.some((log) => log.is_truncated) };
}

function summaryOf(log: CommandLog, last_lines: string): CommandSummary {
  const { outcome, kept: _kept, log_error: _error, schema_version: _version, ...record } = log.record;
  return { ...record, outcome_kind: outcome?.kind ?? null, truncated: log.is_truncated, last_lines };
}
