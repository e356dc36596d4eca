/** Looking until a condition holds, its subject has ended, or time is up. */
import { PyroError } from "../../contract/errors.ts";
import type { Condition } from "./conditions.ts";
import type { WaitResult } from "./results.ts";

/** Resolves with what was seen last; a caller who is gone waits no longer. */
export async function waitFor(
  condition: Condition,
  timeout_ms: number,
  signal: AbortSignal,
): Promise<Pick<WaitResult, "reason" | "last_seen">> {
  const until = performance.now() + timeout_ms;
  const wake = new Wake(signal, condition);
  try {
    for (;;) {
      if (signal.aborted) throw new PyroError("cancelled", "Waiting was cancelled");
      wake.reset();
      const { state, seen, again_ms } = await condition.look(signal);
      if (state !== "waiting") return { reason: state, last_seen: seen };
      const left = until - performance.now();
      if (left <= 0) return { reason: "timeout", last_seen: seen };
      await wake.within(Math.min(left, again_ms ?? left));
    }
  } finally {
    wake.end();
  }
}

/** Longest time of a timer: node's own, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Something has changed since the last look, or it is time for another. */
class Wake {
  readonly #signal: AbortSignal;
  readonly #stop: (() => void) | undefined;
  #isDue = false;
  #resolve: (() => void) | undefined;

  constructor(signal: AbortSignal, { subject, heeds_output }: Condition) {
    // A signal of its own: many calls may share the caller's.
    this.#signal = AbortSignal.any([signal]);
    this.#stop = heeds_output ? subject?.onChange(this.#now) : undefined;
    this.#signal.addEventListener("abort", this.#now);
  }

  /** Forgets what has changed. */
  reset(): void {
    this.#isDue = false;
  }

  /** Resolves at the next change, at once where there was one, at the latest after this time. */
  async within(pause_ms: number): Promise<void> {
    if (this.#isDue) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      timer = setTimeout(resolve, Math.min(LONGEST_TIMER_MS, pause_ms));
    });
    clearTimeout(timer);
  }

  end(): void {
    this.#stop?.();
    this.#signal.removeEventListener("abort", this.#now);
  }

  readonly #now = () => {
    this.#isDue = true;
    this.#resolve?.();
  };
}
