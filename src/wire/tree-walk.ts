/** Lists a guest's tree: every entry once, in order, after the directory it lies in. */
import { toPyroError } from "../contract/errors.ts";
import { comparePaths } from "../contract/path-bytes.ts";
import type { AgentClient } from "./client.ts";
import { digestsOf, directoryFrom, Filling, type KnownTree } from "./known-tree.ts";
import { type Message, messages, recordKind } from "./messages.ts";
import type { WireRecord } from "./records.ts";
import { parse, violation } from "./reply.ts";
import { exchangeRecords } from "./tree-records.ts";
import { pathFrom, pathToWire, type TreeCall, treeStat, type WalkEntry } from "./tree-stat.ts";

export interface WalkRequest {
  /** Absolute path of the tree in the guest */
  readonly root: string;
  /** Directory to list; empty for the tree itself */
  readonly path: string;
  readonly recursive: boolean;
  readonly max_entries: number;
  /** Entry behind which to begin, an earlier listing's last; from the first one where it is absent */
  readonly after?: string | undefined;
  /** What need not be listed; absent where digests are of no use */
  readonly known?: KnownTree | undefined;
}

export interface WalkEnd {
  readonly count: number;
  /** Whether there are more entries than were asked for */
  readonly cut: boolean;
  /** Directories that could not be listed: too deep, or not readable */
  readonly unlisted: number;
}

/** Takes entries; what it returns is awaited before more is read from the guest. */
export type EntrySink = (entries: readonly WalkEntry[]) => void | Promise<void>;

/** Lists a tree. What the sink throws ends the listing. */
export function walkTree(client: AgentClient, request: WalkRequest, sink: EntrySink, call: TreeCall): Promise<WalkEnd> {
  return client.exchange("walk", call.signal, async (stream) => {
    const { known, ...rest } = request;
    const asked = {
      ...rest,
      path: pathToWire(request.path, true),
      after: request.after === undefined ? null : pathToWire(request.after, false),
      known: known === undefined ? null : digestsOf(known),
    };
    const listing = new Listing(request, sink);
    await exchangeRecords(stream, "walk", asked, call.deadline_ms, (record) => listing.take(record));
    return listing.end();
  });
}

class Listing {
  readonly #request: WalkRequest;
  readonly #sink: EntrySink;
  #count = 0;
  #last: string | undefined;
  /** Directories that what comes next may lie in, inner ones last */
  readonly #open: string[];
  readonly #filling: Filling;
  #end: WalkEnd | undefined;

  constructor(request: WalkRequest, sink: EntrySink) {
    this.#request = request;
    this.#sink = sink;
    this.#last = request.after;
    this.#open = [request.path, ...(request.recursive ? wayTo(request) : [])];
    this.#filling = new Filling(request);
  }

  async take(record: WireRecord): Promise<void> {
    if (this.#end !== undefined) throw violation("The agent sent a record after the end of a listing");
    if (record.kind !== recordKind.json) throw violation(`The agent sent a record of unknown kind ${record.kind}`);
    const event = parse(messages["walk.event"], record.payload.toString("utf8"), "walk");
    if (event.event === "digest") return this.#request.known?.told?.(directoryFrom(event.path), event.digest);
    const next: WalkEntry[] = [];
    for (const entry of this.#next(event)) next.push(this.#checked(entry));
    await this.#handOn(next);
    if (event.event === "ended") this.#end = this.#checkedEnd(event);
  }

  /** What an event stands for, with what known directories have before it. */
  *#next(event: Exclude<Message<"walk.event">, { event: "digest" }>): Generator<WalkEntry> {
    if (event.event === "ended") yield* this.#filling.rest();
    else if (event.event === "same") yield* this.#filling.begin(directoryFrom(event.path), event.count);
    else
      for (const { path, stat } of event.entries) {
        const entry = { path: pathFrom(path), ...treeStat(stat) };
        yield* this.#filling.upTo(entry.path);
        yield entry;
      }
  }

  end(): WalkEnd {
    if (this.#end === undefined) throw violation("The agent's listing has no end");
    return this.#end;
  }

  #checked(entry: WalkEntry): WalkEntry {
    const { path, kind } = entry;
    this.#count += 1;
    if (this.#count > this.#request.max_entries)
      throw violation(`The agent listed more than ${this.#request.max_entries} entries`);
    if (this.#last !== undefined && comparePaths(this.#last, path) >= 0)
      throw violation("The agent's listing is not in order");
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    while (this.#open.length > 1 && this.#open.at(-1) !== parent) this.#open.pop();
    if (this.#open.at(-1) !== parent) throw violation("The agent listed an entry of a directory that it did not list");
    if (kind === "directory" && this.#request.recursive) this.#open.push(path);
    this.#last = path;
    return entry;
  }

  #checkedEnd({ count, cut, unlisted }: WalkEnd): WalkEnd {
    if (count !== this.#count) throw violation(`The agent counts ${count} entries and listed ${this.#count}`);
    if (cut && count < this.#request.max_entries) throw violation("The agent cut a listing that was not full");
    return { count, cut, unlisted };
  }

  /** What a reader throws is the reader's own defect, not the guest's. */
  async #handOn(entries: readonly WalkEntry[]): Promise<void> {
    if (entries.length === 0) return;
    try {
      await this.#sink(entries);
    } catch (thrown) {
      throw toPyroError(thrown);
    }
  }
}

/** The entry behind which a listing begins, and the directories that lead to it: those were listed before. */
function wayTo({ path, after }: WalkRequest): string[] {
  if (after === undefined) return [];
  const names = after.split("/");
  const above = path === "" ? 0 : path.split("/").length;
  return names.slice(above).map((_, at) => names.slice(0, above + at + 1).join("/"));
}
