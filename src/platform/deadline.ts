/**
 * A time limit on a wait. `AbortSignal.timeout` is none once it is joined with another signal: a joined signal holds what it is made of
 * weakly, and on Node 20 a timeout that nobody else holds is collected before it fires, while listeners of the joined signal wait.
 */

/** Acts with a signal that is aborted with the caller's, or after a time with a `TimeoutError`; the timer ends with the act. */
export async function withDeadline<T>(
  limit_ms: number,
  caller: AbortSignal | undefined,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new DOMException(`not within ${limit_ms} ms`, "TimeoutError")), limit_ms);
  // A signal of its own: many waits may share the caller's.
  const given_up = caller && AbortSignal.any([caller]);
  const stop = () => over.abort(given_up?.reason);
  if (given_up?.aborted) stop();
  else given_up?.addEventListener("abort", stop, { once: true });
  try {
    return await act(over.signal);
  } finally {
    clearTimeout(timer);
    given_up?.removeEventListener("abort", stop);
  }
}
