/** One command in the history: its record, and its output while it comes and afterwards. Nothing here throws at the command. */
import { toPyroError } from "../../contract/errors.ts";
import type { Outcome } from "../../contract/outcome.ts";
import type { OutputStream } from "./frames.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import type { CommandRecord } from "./record.ts";
import type { Piece, Segments } from "./segments.ts";
import { cutBefore, unfinishedBytes } from "./utf8.ts";

/** Largest payload of a frame, in bytes. */
const PART_BYTES = 65_536;

/** What a log needs of the history it is in. */
export interface LogKeeper {
  /** Makes room for so many bytes more; false where there is none to be had. */
  makeRoom(bytes: number): boolean;
  /** Writes the record down. */
  save(log: CommandLog): void;
}

/** How a command ended. */
export interface CommandEnd {
  readonly exit_code: number;
  readonly timed_out: boolean;
  readonly duration_ms: number | null;
  readonly outcome: Outcome;
}

export class CommandLog {
  readonly segments: Segments;
  readonly #keeper: LogKeeper;
  readonly #began = performance.now();
  readonly #listeners = new Set<() => void>();
  readonly #unfinished = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #record: CommandRecord;
  #end: number;
  #last_output_at = performance.now();
  #is_discarded = false;

  /** `end` is the position behind the last output of a command that an earlier process kept. */
  constructor(record: CommandRecord, segments: Segments, keeper: LogKeeper, end = 0) {
    this.#record = record;
    this.segments = segments;
    this.#keeper = keeper;
    this.#end = end;
  }

  get record(): CommandRecord {
    return this.#record;
  }

  get sequence(): number {
    return this.#record.sequence;
  }

  get is_running(): boolean {
    return this.#record.state === "running";
  }

  /** Position behind the last output: where a reader is who has seen everything. */
  get end(): number {
    return this.#end;
  }

  /** When it printed last, or began, on the clock of `performance.now`. */
  get last_output_at(): number {
    return this.#last_output_at;
  }

  /** Milliseconds since it began. */
  get age_ms(): number {
    return Math.round(performance.now() - this.#began);
  }

  /** Whether output of it is not kept. */
  get is_truncated(): boolean {
    const kept = this.segments.kept.reduce((sum, { start, end }) => sum + end - start, 0);
    return kept < this.#end;
  }

  /** What is kept from a position on. */
  pieces(from: number): Iterable<Piece> {
    return this.segments.pieces(from);
  }

  /** Calls `listener` at every output and at the end; gives what stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds what the command printed. The beginning of a character waits for its rest. */
  append(stream: OutputStream, data: Buffer): void {
    if (this.#is_discarded || data.length === 0) return;
    this.#last_output_at = performance.now();
    const counted = stream === "stdout" ? "stdout_bytes" : "stderr_bytes";
    this.#record = { ...this.#record, [counted]: this.#record[counted] + data.length };
    const before = this.#unfinished[stream];
    const bytes = before.length === 0 ? data : Buffer.concat([before, data]);
    const whole = bytes.length - unfinishedBytes(bytes);
    this.#unfinished[stream] = Buffer.from(bytes.subarray(whole));
    this.#write(stream, bytes.subarray(0, whole));
    this.#tell();
  }

  /** Writes down how it ended; only the first end counts. */
  finish(end: CommandEnd): void {
    if (!this.is_running) return;
    for (const stream of ["stdout", "stderr"] as const) this.#write(stream, this.#unfinished[stream]);
    this.segments.close();
    this.#record = { ...this.#record, ...end, state: "finished", kept: this.segments.kept };
    if (!this.#is_discarded) this.#keeper.save(this);
    this.#tell();
  }

  /** Notes why output, or this record itself, is not on the disk; the first reason counts. */
  fail(thrown: unknown): void {
    this.#record = { ...this.#record, log_error: this.#record.log_error ?? toPyroError(thrown).message };
  }

  /** Removes its output, and writes nothing down any more. */
  discard(): void {
    this.#is_discarded = true;
    this.segments.clear();
  }

  #write(stream: OutputStream, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const end = cutBefore(bytes, Math.min(bytes.length, at + PART_BYTES));
      this.#writePart(stream, bytes.subarray(at, end));
      at = end;
    }
  }

  /** After the first failure nothing more is written: a disk that is full is not tried again at every chunk. */
  #writePart(stream: OutputStream, part: Buffer): void {
    const position = this.#end;
    this.#end += part.length;
    if (this.#record.log_error !== null || this.#is_discarded) return;
    try {
      if (!this.#keeper.makeRoom(part.length + FRAME_HEADER_BYTES)) return;
      this.segments.append(stream, performance.now() - this.#began, position, part);
    } catch (thrown) {
      this.segments.close();
      this.fail(thrown);
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
