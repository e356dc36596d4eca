/**
 * The commands of one workspace, in a directory of ours: a record of each, and their output as it came.
 * Written without waiting for the disk: it survives the end of its keeper, not a power cut. Only the keeper of a workspace opens it.
 */
import { join } from "node:path";
import { PyroError, toPyroError } from "../../contract/errors.ts";
import { ensureDirectory, moveInto } from "../../platform/directories.ts";
import {
  checkPrivateDirectory,
  listDirectory,
  makePrivateDirectory,
  type ReadRecord,
  readJson,
  remove,
} from "../../platform/files.ts";
import { isUnfinished, replaceFile } from "../../platform/quick-files.ts";
import { historyFileOf, historyFiles } from "../../store/paths.ts";
import { CommandLog } from "./command-log.ts";
import type { Frame } from "./frames.ts";
import { type CommandRecord, commandRecord, cutShort, newRecord } from "./record.ts";
import { Segments } from "./segments.ts";

/** Output of all commands together, and commands that are remembered (docs/design/limits.md). */
export interface HistoryLimits {
  readonly output_bytes: number;
  readonly commands: number;
}

const HISTORY_LIMITS: HistoryLimits = { output_bytes: 32 * 1_048_576, commands: 10_000 };

/** What an earlier process left of one command. */
interface Found {
  has_record: boolean;
  readonly starts: number[];
}

export class CommandHistory {
  readonly #directory: string;
  readonly #files: ReturnType<typeof historyFiles>;
  readonly #limits: HistoryLimits;
  readonly #isOwner: boolean;
  readonly #logs = new Map<number, CommandLog>();
  /** Ended, and not written down since the disk did not take it */
  readonly #unsaved = new Set<CommandLog>();
  #last = 0;
  #output_bytes = 0;

  private constructor(directory: string, limits: HistoryLimits, isOwner: boolean) {
    this.#isOwner = isOwner;
    this.#directory = directory;
    this.#files = historyFiles(directory);
    this.#limits = limits;
  }

  /** Opens the history in that directory, or begins one. Commands that were running then were cut short. */
  static open(directory: string, uid = process.getuid?.() ?? 0, limits = HISTORY_LIMITS): CommandHistory {
    ensureDirectory(directory);
    checkPrivateDirectory(directory, uid);
    for (const name of listDirectory(directory)) if (isUnfinished(name)) remove(join(directory, name));
    const history = new CommandHistory(directory, limits, true);
    for (const [sequence, found] of foundIn(directory)) history.#adopt(sequence, found, uid);
    history.#shrink(0, undefined);
    return history;
  }

  /** The history as it is on disk, for whoever does not keep it: nothing is changed. What runs looks as if it had been cut short. */
  static read(directory: string): CommandHistory {
    const history = new CommandHistory(directory, HISTORY_LIMITS, false);
    for (const [sequence, found] of foundIn(directory)) history.#adopt(sequence, found, 0);
    return history;
  }

  /** Number of the newest command, 0 where there was none. */
  get last(): number {
    return this.#last;
  }

  /** Commands since the beginning or the last `clear`. */
  get count(): number {
    return this.#last;
  }

  /** All commands that are remembered, oldest first. */
  list(): CommandLog[] {
    return [...this.#logs.values()];
  }

  get(sequence: number): CommandLog | undefined {
    return this.#logs.get(sequence);
  }

  /** The command of that number. Throws `command_not_recorded`. */
  find(sequence: number): CommandLog {
    const log = this.#logs.get(sequence);
    if (log !== undefined) return log;
    throw new PyroError("command_not_recorded", `No command has the sequence ${sequence}`, { details: { sequence } });
  }

  /** Writes down that a command begins. A disk that does not take it keeps nobody from running it. */
  begin(command: readonly string[], cwd: string): CommandLog {
    for (const log of this.#unsaved) this.#save(log);
    this.#last += 1;
    const segments = new Segments(this.#files, this.#last);
    const keeper = {
      makeRoom: (bytes: number) => this.#makeRoom(bytes, log),
      save: () => this.#save(log),
    };
    const log: CommandLog = new CommandLog(newRecord(this.#last, command, cwd), segments, keeper);
    this.#logs.set(this.#last, log);
    this.#save(log);
    this.#forgetOldest();
    return log;
  }

  /** Forgets everything, and begins to count anew. Commands that still run are remembered nowhere. */
  clear(): void {
    for (const log of this.#logs.values()) log.discard();
    for (const name of listDirectory(this.#directory)) remove(join(this.#directory, name));
    this.#logs.clear();
    this.#unsaved.clear();
    this.#last = 0;
    this.#output_bytes = 0;
  }

  /** Forgets one that has ended. */
  forget(log: CommandLog): void {
    log.discard();
    this.#unsaved.delete(log);
    this.#logs.delete(log.sequence);
    remove(this.#files.record(log.sequence));
  }

  #save(log: CommandLog): void {
    try {
      replaceFile(this.#files.record(log.sequence), JSON.stringify(log.record));
      this.#unsaved.delete(log);
    } catch (thrown) {
      log.fail(thrown);
      if (!log.is_running) this.#unsaved.add(log);
    }
  }

  #makeRoom(bytes: number, log: CommandLog): boolean {
    if (this.#output_bytes + bytes > this.#limits.output_bytes && !this.#shrink(bytes, log)) return false;
    this.#output_bytes += bytes;
    return true;
  }

  /** Drops output until so many bytes more fit: of the oldest ended commands, then out of the middle of what runs. */
  #shrink(bytes: number, asking: CommandLog | undefined): boolean {
    const limit = this.#limits.output_bytes - bytes;
    const measured = () => {
      this.#output_bytes = this.list().reduce((sum, { segments }) => sum + segments.file_bytes, 0);
      return this.#output_bytes;
    };
    while (measured() > limit) {
      const oldest = this.list().find((log) => log !== asking && !log.is_running && !log.segments.is_empty);
      if (oldest !== undefined) oldest.segments.clear();
      else if (!this.#spareLargest()) return false;
    }
    return true;
  }

  #spareLargest(): boolean {
    const bySize = this.list().sort((a, b) => b.segments.file_bytes - a.segments.file_bytes);
    return bySize.some(({ segments }) => segments.spare());
  }

  #forgetOldest(): void {
    if (this.#logs.size <= this.#limits.commands) return;
    const oldest = this.list().find((log) => !log.is_running);
    if (oldest !== undefined) this.forget(oldest);
  }

  /** Takes over what an earlier process left of a command. */
  #adopt(sequence: number, found: Found, uid: number): void {
    const record = this.#read(sequence, found, uid);
    const segments = new Segments(this.#files, sequence);
    const frames = found.starts.sort((a, b) => a - b).flatMap((start) => segments.adopt(start));
    const isWhole = record?.state === "finished";
    const known = isWhole
      ? record
      : cutOff(record ?? newRecord(sequence, [], ""), segments, frames, record !== undefined);
    const keeper = { makeRoom: () => false, save: () => undefined };
    const end = isWhole ? record.stdout_bytes + record.stderr_bytes : segments.end;
    const log = new CommandLog(known, segments, keeper, end);
    this.#logs.set(sequence, log);
    this.#last = Math.max(this.#last, sequence);
    if (!isWhole && this.#isOwner) this.#save(log);
  }

  /** The record; undefined where there is none that can be read. */
  #read(sequence: number, { has_record }: Found, uid: number): CommandRecord | undefined {
    if (!has_record) return undefined;
    const path = this.#files.record(sequence);
    const read = readQuietly(path);
    if (read.state === "whole" && read.value.sequence === sequence) return read.value;
    if (!this.#isOwner) return undefined;
    makePrivateDirectory(this.#files.damaged, uid);
    moveInto(path, this.#files.damaged);
    return undefined;
  }
}

function readQuietly(path: string): ReadRecord<CommandRecord> {
  try {
    return readJson(path, commandRecord);
  } catch (thrown) {
    return { state: "damaged", reason: toPyroError(thrown).message };
  }
}

/** A command whose end nobody wrote down, with what is there of its output. */
function cutOff(
  record: CommandRecord,
  segments: Segments,
  frames: readonly Frame[],
  isRecordWhole: boolean,
): CommandRecord {
  const bytesOf = (stream: string) =>
    frames.reduce((sum, frame) => sum + (frame.stream === stream ? frame.payload.length : 0), 0);
  const detail = isRecordWhole ? "its keeper ended" : "its record was damaged and has been set aside";
  const output = { stdout_bytes: bytesOf("stdout"), stderr_bytes: bytesOf("stderr"), kept: segments.kept };
  return cutShort({ ...record, ...output }, detail);
}

/** What the names in a directory say, in the order of the commands. */
function foundIn(directory: string): [number, Found][] {
  const found = new Map<number, Found>();
  for (const name of listDirectory(directory)) {
    const file = historyFileOf(name);
    if (file === undefined) continue;
    const of: Found = found.get(file.sequence) ?? { has_record: false, starts: [] };
    found.set(file.sequence, of);
    if (file.start === null) of.has_record = true;
    else of.starts.push(file.start);
  }
  return [...found].sort(([a], [b]) => a - b);
}
