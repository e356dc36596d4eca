/** Signals that end the process, as an `AbortSignal` first and as an end second. */

const statuses = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

type Name = keyof typeof statuses;

export interface Interruption {
  readonly signal: AbortSignal;
  /** Exit status that the signal stands for; undefined while none came */
  status(): number | undefined;
}

/** The first signal aborts, so that all is cleaned up; the second ends the process, whose children die with it. */
export function onInterruption(): Interruption {
  const controller = new AbortController();
  let status: number | undefined;
  const take = (name: Name) => {
    if (status !== undefined) {
      process.removeAllListeners(name);
      process.kill(process.pid, name);
    }
    status = statuses[name];
    controller.abort();
  };
  for (const name of Object.keys(statuses) as Name[]) process.on(name, () => take(name));
  return { signal: controller.signal, status: () => status };
}
