/** Progress on standard error: one line that rewrites itself on a terminal, elsewhere a plain line for each new stage; warnings and notices stay. */
import type { NoticeEvent, ProgressEvent, WarningEvent } from "../contract/progress.ts";
import { stderrColumns, stderrIsTerminal, writeAll } from "../platform/terminal.ts";
import { size } from "./render/values.ts";

/** Shortest time between two redraws, in milliseconds. */
const REDRAW_MS = 100;

/** Shows what long work is doing; warnings are always shown. */
export class ProgressLine {
  readonly #silent: boolean;
  readonly #terminal = stderrIsTerminal();
  #drawn = false;
  #drawnAt = 0;
  #stage = "";
  readonly #announced = new Set<string>();

  constructor(silent: boolean) {
    this.#silent = silent;
  }

  show(event: ProgressEvent | NoticeEvent | WarningEvent): Promise<void> | undefined {
    if (this.#silent && event.type !== "warning") return undefined;
    if (event.type !== "progress") {
      this.clear();
      return writeAll(2, Buffer.from(`pyro: ${event.message}\n`));
    }
    return this.#terminal ? this.#redraw(event) : this.#announce(event);
  }

  /** Takes the line off the terminal, so that other output starts clean. */
  clear(): void {
    if (!this.#drawn) return;
    this.#drawn = false;
    void writeAll(2, Buffer.from("\r\u001b[K")).catch(() => {});
  }

  #redraw(event: ProgressEvent): Promise<void> | undefined {
    const time = performance.now();
    if (event.stage === this.#stage && time - this.#drawnAt < REDRAW_MS) return undefined;
    this.#stage = event.stage;
    this.#drawnAt = time;
    this.#drawn = true;
    const line = `pyro: ${event.message}${amount(event)}`.slice(0, stderrColumns() - 1);
    return writeAll(2, Buffer.from(`\r\u001b[K${line}`));
  }

  #announce(event: ProgressEvent): Promise<void> | undefined {
    if (this.#announced.has(event.stage)) return undefined;
    this.#announced.add(event.stage);
    return writeAll(2, Buffer.from(`pyro: ${event.message}\n`));
  }
}

/** What stands behind the message: how much of how much, and for a download its layers, rate and time left. */
export function amount(event: ProgressEvent): string {
  if (event.done === undefined) return "";
  const value = (number: number) => (event.unit === "bytes" ? size(number) : String(number));
  const done = event.total === undefined ? value(event.done) : `${value(event.done)} of ${value(event.total)}`;
  if (event.layers_total === undefined) return ` (${done})`;
  const rate = event.bytes_per_second === undefined ? [] : [`${size(Math.round(event.bytes_per_second))}/s`];
  const left = event.seconds_left === undefined ? [] : [`${span(event.seconds_left)} left`];
  return `: ${[done, `${event.layers_done ?? 0} of ${event.layers_total} layers`, ...rate, ...left].join(", ")}`;
}

function span(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 120 ? `${whole} s` : `${Math.ceil(whole / 60)} min`;
}
