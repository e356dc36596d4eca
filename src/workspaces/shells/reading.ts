/** Reading a shell: when to answer, and as what. */
import { renderScreen } from "./screen.ts";
import type { Excerpt } from "./scrollback.ts";
import type { Shell } from "./shell.ts";

/** Longest wait for a shell to be idle, in milliseconds (docs/design/limits.md). */
const MAX_WAIT_MS = 30_000;

export interface ReadingInput {
  readonly cursor: number;
  readonly max_chars: number;
  /** As a person would see it */
  readonly plain: boolean;
  readonly wait_for_idle_ms?: number | undefined;
}

export interface ShellReading extends Excerpt {
  readonly state: "running" | "exited";
  readonly exit_code: number | null;
}

export async function read(shell: Shell, input: ReadingInput, signal: AbortSignal): Promise<ShellReading> {
  if (input.wait_for_idle_ms !== undefined) await idle(shell, input.wait_for_idle_ms, signal);
  // The state first: nothing is printed after an end was seen.
  const { state, exit_code } = shell.view;
  const excerpt = shell.scrollback.read(input.cursor, input.max_chars);
  const shown = input.plain ? await renderScreen(shell.scrollback, excerpt, shell.size) : excerpt;
  return { ...shown, state, exit_code };
}

/** Until nothing has come for so long since it is waited, or it has ended, or it has taken too long. */
async function idle(shell: Shell, idle_ms: number, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const deadline = began + Math.max(MAX_WAIT_MS, idle_ms);
  while (shell.isRunning && !signal.aborted) {
    const until = Math.min(deadline, Math.max(began, shell.lastOutput) + idle_ms);
    const left = until - performance.now();
    if (left <= 0) return;
    await shell.bell.heard(left, signal);
  }
}
