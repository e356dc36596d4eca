/** Reads entries of a guest's tree: what they are, and the content of files, whose lengths add up. */
import { type ErrorCode, toPyroError } from "../contract/errors.ts";
import type { AgentClient } from "./client.ts";
import { type Message, messages, recordKind } from "./messages.ts";
import type { WireRecord } from "./records.ts";
import { errorCodeOf } from "./refusal.ts";
import { parse, violation } from "./reply.ts";
import { type ByteText, MAX_READ_PATHS } from "./tree-messages.ts";
import { exchangeRecords } from "./tree-records.ts";
import { pathToWire, type TreeCall, type TreeStat, treeStat } from "./tree-stat.ts";

/** Room for the paths of one request, in bytes of JSON: the agent takes 1 MiB. */
const MAX_PATHS_BYTES = 900_000;

export interface ReadRequest {
  /** Absolute path of the tree in the guest */
  readonly root: string;
  /** Entries by their paths in the tree, as many as are wanted; the empty one is the tree itself */
  readonly paths: readonly string[];
  /** Most content of one file; null for all of it */
  readonly max_bytes: number | null;
  /** Where in a file to begin */
  readonly offset: number;
  /** Whether to read what a symlink points to, if that lies inside the tree */
  readonly follow: boolean;
}

export interface ReadEnd {
  /** How much of its content was handed over */
  readonly bytes: number;
  /** Whether it was written to meanwhile, so that the content may be of no one moment */
  readonly changed: boolean;
}

export interface ReadFailure {
  readonly bytes: number;
  readonly code: ErrorCode;
  /** Name of the failure as the agent has it */
  readonly agent_code: string;
  readonly errno: number | null;
}

/**
 * Takes what is read, path by path in order, each by its index: `entry`, any number of `data`, then `ended` or `failed`; `failed` also alone.
 * What a method returns is awaited before more is read from the guest.
 */
export interface ReadSink {
  entry(index: number, stat: TreeStat): void | Promise<void>;
  data(index: number, data: Buffer): void | Promise<void>;
  ended(index: number, end: ReadEnd): void | Promise<void>;
  failed(index: number, failure: ReadFailure): void | Promise<void>;
}

/** Reads entries. One that cannot be read does not end the rest; what the sink throws does. */
export async function readTree(
  client: AgentClient,
  request: ReadRequest,
  sink: ReadSink,
  call: TreeCall,
): Promise<void> {
  let first = 0;
  for (const paths of portions(request.paths.map((path) => pathToWire(path, true)))) {
    const message = { ...request, paths };
    const reading = new Reading(message, first, sink);
    await client.exchange("read", call.signal, async (stream) => {
      await exchangeRecords(stream, "read", message, call.deadline_ms, (record) => reading.take(record));
      reading.end();
    });
    first += paths.length;
  }
}

function* portions(paths: readonly ByteText[]): Generator<ByteText[]> {
  let portion: ByteText[] = [];
  let bytes = 0;
  for (const path of paths) {
    const length = Buffer.byteLength(JSON.stringify(path)) + 1;
    if (portion.length === MAX_READ_PATHS || bytes + length > MAX_PATHS_BYTES) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(path);
    bytes += length;
  }
  if (portion.length > 0) yield portion;
}

class Reading {
  readonly #request: Message<"read.request">;
  readonly #first: number;
  readonly #sink: ReadSink;
  /** Place of the path that is due */
  #index = 0;
  #stat: TreeStat | undefined;
  #bytes = 0;

  constructor(request: Message<"read.request">, first: number, sink: ReadSink) {
    this.#request = request;
    this.#first = first;
    this.#sink = sink;
  }

  async take(record: WireRecord): Promise<void> {
    if (this.#index >= this.#request.paths.length) throw violation("The agent read more than it was asked to");
    if (record.kind === recordKind.data) return this.#data(record.payload);
    if (record.kind !== recordKind.json) throw violation(`The agent sent a record of unknown kind ${record.kind}`);
    const event = parse(messages["read.event"], record.payload.toString("utf8"), "read");
    if (event.index !== this.#index) throw violation(`The agent read entry ${event.index} when ${this.#index} was due`);
    if (event.event === "entry") return this.#entry(treeStat(event.stat));
    if (event.bytes !== this.#bytes) throw violation(`The agent counts ${event.bytes} bytes and sent ${this.#bytes}`);
    if (event.event === "ended") await this.#ended(event.changed);
    else await this.#failed(event.code, event.errno);
  }

  end(): void {
    if (this.#index < this.#request.paths.length) throw violation("The agent read less than it was asked to");
  }

  #entry(stat: TreeStat): Promise<void> {
    if (this.#stat !== undefined) throw violation("The agent began an entry twice");
    if (this.#request.follow && stat.kind === "symlink") throw violation("The agent read a symlink and did not follow");
    this.#stat = stat;
    return this.#handOn(() => this.#sink.entry(this.#first + this.#index, stat));
  }

  #data(data: Buffer): Promise<void> {
    this.#bytes += data.length;
    if (data.length === 0 || this.#bytes > this.#expected())
      throw violation("The agent sent content that its entry does not have");
    return this.#handOn(() => this.#sink.data(this.#first + this.#index, data));
  }

  #ended(changed: boolean): Promise<void> {
    const bytes = this.#bytes;
    if (this.#stat === undefined) throw violation("The agent ended an entry that has not begun");
    if (!changed && bytes !== this.#expected())
      throw violation(`The agent sent ${bytes} bytes of ${this.#expected()} and calls that all`);
    return this.#next((index) => this.#sink.ended(index, { bytes, changed }));
  }

  #failed(agent_code: string, errno: number | null): Promise<void> {
    const failure = { bytes: this.#bytes, code: errorCodeOf(agent_code), agent_code, errno };
    return this.#next((index) => this.#sink.failed(index, failure));
  }

  /** How much content the entry has, in the part that was asked for. */
  #expected(): number {
    if (this.#stat?.kind !== "file") return 0;
    const rest = Math.max(0, this.#stat.size_bytes - this.#request.offset);
    return Math.min(rest, this.#request.max_bytes ?? rest);
  }

  #next(tell: (index: number) => void | Promise<void>): Promise<void> {
    const index = this.#first + this.#index;
    this.#index += 1;
    this.#stat = undefined;
    this.#bytes = 0;
    return this.#handOn(() => tell(index));
  }

  /** What a reader throws is the reader's own defect, not the guest's. */
  async #handOn(tell: () => void | Promise<void>): Promise<void> {
    try {
      await tell();
    } catch (thrown) {
      throw toPyroError(thrown);
    }
  }
}
