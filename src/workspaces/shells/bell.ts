/** Tells whoever waits that something has changed. */
export class Bell {
  readonly #waiting = new Set<() => void>();

  ring(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next ring, after this time, or when the signal aborts. */
  heard(within_ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = Number.isFinite(within_ms) ? setTimeout(wake, Math.max(0, within_ms)) : undefined;
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}
