/** Tries again what may pass: with growing pauses, or those that the server asks for. */
import { PyroError } from "../../contract/errors.ts";
import type { RegistrySurroundings } from "./surroundings.ts";
import { PassingFailure } from "./transport.ts";

/** Tries in all, and pauses between them in milliseconds (docs/design/limits.md). */
export const MAX_TRIES = 5;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 60_000;

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly surroundings: RegistrySurroundings;
  readonly tries?: number | undefined;
}

/** Runs `action` until it ends otherwise than by a `PassingFailure`, or has been tried often enough. */
export async function persist<T>(options: RetryOptions, action: () => Promise<T>): Promise<T> {
  const { surroundings, tries = MAX_TRIES } = options;
  for (let tried = 1; ; tried += 1) {
    try {
      return await action();
    } catch (thrown) {
      if (!(thrown instanceof PassingFailure)) throw thrown;
      if (tried >= tries) throw thrown.error;
      await pause(pauseAfter(tried, thrown.wait_ms, surroundings.chance()), options);
    }
  }
}

async function pause(ms: number, { signal, surroundings }: RetryOptions): Promise<void> {
  try {
    await surroundings.wait(ms, signal);
  } catch (thrown) {
    if (signal.aborted) throw new PyroError("cancelled", "cancelled while a registry was given time");
    throw thrown;
  }
}

/** Twice as long each time, between half of that and all of it. */
export function pauseAfter(tried: number, asked_ms: number | undefined, chance: number): number {
  const grown = Math.min(FIRST_PAUSE_MS * 2 ** (tried - 1), MAX_PAUSE_MS);
  const jittered = grown * (0.5 + chance / 2);
  return Math.min(Math.max(jittered, asked_ms ?? 0), MAX_PAUSE_MS);
}

/** What `Retry-After` asks for, in milliseconds: a number of seconds, or a date. */
export function askedPause(header: string | undefined, now_ms: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = /^[A-Z][a-z]{2}, .{1,30} GMT$/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now_ms);
}
