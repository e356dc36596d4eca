/** Repetition and time. */
import type { BenchContext } from "./context.ts";

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

/** Measures once for all figures of a run that are made of the same measurement. */
export function shared<T>(measure: (context: BenchContext) => Promise<T>): (context: BenchContext) => Promise<T> {
  const taken = new WeakMap<BenchContext, Promise<T>>();
  return (context) => {
    const before = taken.get(context) ?? measure(context);
    taken.set(context, before);
    return before;
  };
}
