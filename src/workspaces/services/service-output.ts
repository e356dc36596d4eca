/** What a service prints, handed on: the end of it, all of it, and what comes. A reader who is slow reads from the disk, and holds nobody up. */
import { setTimeout as delay } from "node:timers/promises";
import type { Emit } from "../../contract/progress.ts";
import type { CommandLog } from "../history/command-log.ts";
import type { OutputStream } from "../history/frames.ts";
import { gap } from "../history/text.ts";
import type { WorkContext } from "../machine-source.ts";
import type { ServiceLogs } from "./service-book.ts";

export interface OutputInput {
  readonly tail_lines: number;
  /** Everything that is kept, whatever `tail_lines` says */
  readonly all: boolean;
  /** Goes on until the service ends */
  readonly follow: boolean;
}

/** How far back the last lines are looked for, in bytes (docs/design/limits.md). */
const TAIL_BYTES = 1_048_576;
/** Pause before what came is read, in milliseconds: not every line is worth a look at the disk. */
const PAUSE_MS = 25;
const NEWLINE = 0x0a;
const streams = ["stdout", "stderr"] as const;

/** Emits it, each stream for itself. Whether there is more of it, or was. */
export async function passOn(logs: ServiceLogs, input: OutputInput, { signal, emit }: WorkContext): Promise<boolean> {
  const changes = new Changes(logs, signal);
  const readers = streams.map((stream) => new LogReader(stream, logs[stream], input));
  const truncated = readers.some(({ at }) => at > 0) || streams.some((stream) => logs[stream].is_truncated);
  try {
    for (;;) {
      const isLive = streams.some((stream) => logs[stream].is_running);
      for (const reader of readers) await reader.passOn(emit, signal);
      if (!input.follow || !isLive || signal.aborted) return truncated;
      await changes.next();
    }
  } finally {
    changes.end();
  }
}

/** Where the last lines begin. */
export function tailStart(log: CommandLog, tail_lines: number): number {
  if (tail_lines <= 0) return log.end;
  let parts: Buffer[] = [];
  let end = Math.max(0, log.end - TAIL_BYTES);
  for (const { start, bytes } of log.pieces(end)) {
    if (start !== end) parts = [];
    parts.push(bytes);
    end = start + bytes.length;
  }
  const text = Buffer.concat(parts);
  let at = text.length;
  for (let lines = 0; lines < tail_lines && at > 0; lines += 1) at = at < 2 ? 0 : text.lastIndexOf(NEWLINE, at - 2) + 1;
  return end - text.length + at;
}

/** Reads one log once, from the beginning or its last lines on. */
class LogReader {
  readonly #stream: OutputStream;
  readonly #log: CommandLog;
  #at: number;

  constructor(stream: OutputStream, log: CommandLog, { all, tail_lines }: OutputInput) {
    this.#stream = stream;
    this.#log = log;
    this.#at = all ? 0 : tailStart(log, tail_lines);
  }

  get at(): number {
    return this.#at;
  }

  /** Emits what there is at this moment. */
  async passOn(emit: Emit, signal: AbortSignal): Promise<void> {
    const end = this.#log.end;
    for (const { start, bytes } of this.#log.pieces(this.#at)) {
      if (signal.aborted || start >= end) return;
      if (start > this.#at) await emit({ type: this.#stream, data: Buffer.from(gap(start - this.#at)) });
      this.#at = start + bytes.length;
      await emit({ type: this.#stream, data: bytes });
    }
  }
}

/** Whether anything was printed, or ended, since it was last asked. */
class Changes {
  readonly #stops: readonly (() => void)[];
  readonly #signal: AbortSignal;
  #isDue = false;
  #wake = () => {};

  constructor(logs: ServiceLogs, signal: AbortSignal) {
    this.#stops = streams.map((stream) => logs[stream].onChange(this.#note));
    this.#signal = AbortSignal.any([signal]);
    this.#signal.addEventListener("abort", this.#note);
  }

  async next(): Promise<void> {
    if (!this.#isDue)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    await delay(PAUSE_MS);
    this.#isDue = false;
  }

  end(): void {
    for (const stop of this.#stops) stop();
    this.#signal.removeEventListener("abort", this.#note);
  }

  readonly #note = () => {
    this.#isDue = true;
    this.#wake();
  };
}
