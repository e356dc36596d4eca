/** Ends a stream whose agent is late: with a record that has begun, or with what it owes. */
import type { ClientHttp2Stream } from "node:http2";
import { PyroError } from "../contract/errors.ts";

/** Time in which a record that has begun must be complete, in milliseconds (docs/design/limits.md). */
const RECORD_DEADLINE_MS = 10_000;

export interface Patience {
  /** Time for what the agent owes; absent for no limit */
  readonly deadline_ms: number | undefined;
  /** Whether every complete record begins that time anew */
  readonly renews: boolean;
  /** What the agent owes, after "did not" */
  readonly owed: string;
}

/** Only time spent waiting for the agent counts. */
export class Watchdog {
  readonly #stream: ClientHttp2Stream;
  readonly #patience: Patience;
  #left: number;
  #recordLeft = RECORD_DEADLINE_MS;
  #partial = false;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: ClientHttp2Stream, patience: Patience) {
    this.#stream = stream;
    this.#patience = patience;
    this.#left = patience.deadline_ms ?? Number.POSITIVE_INFINITY;
    this.waiting(false, true);
  }

  /** The agent has to send something now; `partial` when a record has begun, `completed` when another one ended before it. */
  waiting(partial: boolean, completed: boolean): void {
    clearTimeout(this.#timer);
    if (completed) this.#recordLeft = RECORD_DEADLINE_MS;
    if (completed && this.#patience.renews) this.#left = this.#patience.deadline_ms ?? Number.POSITIVE_INFINITY;
    this.#partial = partial;
    this.#since = performance.now();
    const limit = partial ? Math.min(this.#recordLeft, this.#left) : this.#left;
    if (Number.isFinite(limit))
      this.#timer = setTimeout(() => this.#stream.destroy(this.#stalled(partial)), Math.max(0, limit));
  }

  /** The agent owes nothing: what it sent is being dealt with, or all is done. */
  handling(): void {
    clearTimeout(this.#timer);
    const waited = performance.now() - this.#since;
    this.#left -= waited;
    if (this.#partial) this.#recordLeft -= waited;
  }

  #stalled(partial: boolean): PyroError {
    const what = partial ? "complete a record" : this.#patience.owed;
    return new PyroError("agent_stalled", `The agent did not ${what} in time`);
  }
}
