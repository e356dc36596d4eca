/** Shells of a running workspace as its callers ask for them. */
import { posix } from "node:path";
import type { Readable } from "node:stream";
import type { Emit } from "../../contract/progress.ts";
import { WORKSPACE } from "../../contract/workspace-paths.ts";
import { stdinParts } from "../../wire/pace.ts";
import { type ReadingInput, read, type ShellReading } from "../shells/reading.ts";
import type { Shell, ShellView } from "../shells/shell.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Characters of what was printed before that a terminal is shown when it is attached. */
const REPLAYED_CHARS = 32_768;
/** Output that goes to an attached terminal in one go, in characters. */
const ATTACHED_CHARS = 65_536;
/** Keys that are typed count as activity this often, in milliseconds. */
const ACTIVITY_MS = 1_000;
/** Pressed after a line, as a person does. */
const ENTER = "\r";

const numbers = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  TERM: 15,
  CONT: 18,
  TSTP: 20,
  WINCH: 28,
} as const;

export interface ShellInput {
  readonly shell_id: string;
}
export interface OpenShellInput {
  readonly cwd: string;
  readonly cols: number;
  readonly rows: number;
  /** Secrets that it gets as variables */
  readonly secret_env?: Readonly<Record<string, string>> | undefined;
}
export type ReadShellInput = ShellInput & ReadingInput;
export interface WriteShellInput extends ShellInput {
  readonly input: string;
  readonly no_newline: boolean;
}
export interface SignalShellInput extends ShellInput {
  readonly signal: keyof typeof numbers;
}
export interface ResizeShellInput extends ShellInput {
  readonly cols: number;
  readonly rows: number;
}
export interface ShellContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly stdin: Readable | undefined;
}

/** Opens a shell beside whatever else runs. */
export async function openShell(workspace: LiveWorkspace, input: OpenShellInput): Promise<ShellView> {
  await workspace.order.settled();
  const shown_cwd = posix.resolve(WORKSPACE, input.cwd);
  const below = posix.relative(WORKSPACE, shown_cwd);
  const isInside = below !== ".." && !below.startsWith("../");
  const cwd = isInside ? posix.join(workspace.session.cwd, below) : shown_cwd;
  const { secret_env, ...size } = input;
  const { view } = await workspace.shells.open({ ...size, cwd, shown_cwd, env: workspace.secretEnv(secret_env) });
  workspace.noteActivity();
  return view;
}

export async function readShell(
  workspace: LiveWorkspace,
  { shell_id, ...input }: ReadShellInput,
  { signal }: Pick<ShellContext, "signal">,
): Promise<ShellReading> {
  return read(workspace.shells.get(shell_id), input, signal);
}

export async function writeShell(
  workspace: LiveWorkspace,
  { shell_id, input, no_newline }: WriteShellInput,
  { signal }: Pick<ShellContext, "signal">,
): Promise<{ written_chars: number }> {
  const text = `${input}${no_newline ? "" : ENTER}`;
  await workspace.shells.get(shell_id).type(Buffer.from(text), signal);
  workspace.noteActivity();
  return { written_chars: text.length };
}

export async function signalShell(
  workspace: LiveWorkspace,
  { shell_id, signal }: SignalShellInput,
): Promise<ShellView> {
  const shell = workspace.shells.get(shell_id);
  await shell.signal(numbers[signal]);
  workspace.noteActivity();
  return shell.view;
}

export async function resizeShell(
  workspace: LiveWorkspace,
  { shell_id, ...size }: ResizeShellInput,
): Promise<ShellView> {
  const shell = workspace.shells.get(shell_id);
  await shell.resize(size);
  return shell.view;
}

export async function closeShell(workspace: LiveWorkspace, { shell_id }: ShellInput): Promise<ShellView> {
  const shell = workspace.shells.get(shell_id);
  await shell.close();
  workspace.noteActivity();
  return shell.view;
}

/** Passes a person's keys on and gives them what is printed, until the shell ends or the caller goes. */
export async function attachShell(
  workspace: LiveWorkspace,
  { shell_id }: ShellInput,
  context: ShellContext,
): Promise<ShellView> {
  const shell = workspace.shells.get(shell_id);
  if (context.stdin !== undefined) void feed(workspace, shell, context.stdin, context.signal);
  const { scrollback, bell } = shell;
  let cursor = Math.max(scrollback.begin, scrollback.end - REPLAYED_CHARS);
  while (!context.signal.aborted) {
    const { isRunning } = shell;
    const { output, next_cursor } = scrollback.read(cursor, ATTACHED_CHARS);
    cursor = next_cursor;
    if (output !== "") await context.emit({ type: "stdout", data: Buffer.from(output) });
    else if (!isRunning) break;
    else await bell.heard(Number.POSITIVE_INFINITY, context.signal);
  }
  if (shell.error !== undefined) throw shell.error;
  return shell.view;
}

/** Waits as long as it takes for the program to read; keys that come after its end are dropped. */
async function feed(workspace: LiveWorkspace, shell: Shell, stdin: Readable, signal: AbortSignal): Promise<void> {
  let noted = Number.NEGATIVE_INFINITY;
  try {
    for await (const part of stdinParts(stdin)) {
      await shell.type(part, signal, Number.POSITIVE_INFINITY);
      if (performance.now() - noted < ACTIVITY_MS) continue;
      workspace.noteActivity();
      noted = performance.now();
    }
  } catch {
    // The caller has gone or the shell has ended, which the output's side reports.
  }
}
