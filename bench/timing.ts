/** Repetition and time. */

/** Milliseconds that `action` takes. */
export async function elapsedMs(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** What `action` gives, `count` times in sequence. */
export async function repeat<T>(count: number, signal: AbortSignal, action: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < count) {
    signal.throwIfAborted();
    results.push(await action());
  }
  return results;
}
