/** Denied connections of one command, gathered while it runs. */
import type { Denial } from "./connection-book.ts";

/** Denials that a result names one by one, and those that wait for a command's number (docs/design/limits.md). */
const DENIALS_NAMED = 20;
const DENIALS_WAITING = 64;

/** A denial as a command's outcome names it. */
export interface NamedDenial {
  readonly host: string;
  /** Null where a name was looked up */
  readonly port: number | null;
  readonly rule: string;
  readonly hint: string;
}

export interface DenialSource {
  onDenial(listener: (denial: Denial) => void): () => void;
}

/** The denials of one command, or of all that is known to belong to none. */
export class CommandDenials {
  readonly #named = new Map<string, NamedDenial>();
  readonly #stop: () => void;
  #waiting: Denial[] = [];
  #pid: number | undefined;
  #total = 0;

  constructor(source: DenialSource | undefined) {
    this.#stop = source?.onDenial((denial) => this.#take(denial)) ?? (() => {});
  }

  /** The command has got its number. */
  begin(pid: number): void {
    this.#pid = pid;
    for (const denial of this.#waiting.splice(0)) this.#take(denial);
  }

  /** Different ones, in the order in which they were first denied, and how many there were in all. */
  end(): { readonly named: readonly NamedDenial[]; readonly total: number } {
    this.#stop();
    return { named: [...this.#named.values()], total: this.#total };
  }

  /** A denial of nobody's counts for every command that runs. */
  #take(denial: Denial): void {
    if (denial.pid !== null && this.#pid === undefined) {
      if (this.#waiting.length < DENIALS_WAITING) this.#waiting.push(denial);
      return;
    }
    if (denial.pid !== null && denial.pid !== this.#pid) return;
    const { host, port, rule, hint } = denial;
    this.#total += 1;
    const key = [host, port, rule].join(" ");
    if (this.#named.size < DENIALS_NAMED && !this.#named.has(key)) this.#named.set(key, { host, port, rule, hint });
  }
}
