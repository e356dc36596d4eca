/** The entries of a guest's tree, to be read one after the other: what the host asks for, the guest sends no faster than it is taken. */
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { type ReadEnd, type ReadFailure, type ReadSink, readTree } from "../../wire/tree-read.ts";
import type { TreeStat } from "../../wire/tree-stat.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";

/** What happens to one path, in order. */
type Happening =
  | { readonly of: "entry"; readonly stat: TreeStat }
  | { readonly of: "data"; readonly data: Buffer }
  | { readonly of: "ended"; readonly end: ReadEnd }
  | { readonly of: "failed"; readonly failure: ReadFailure };

/** One happening at a time: whoever puts one in waits until it was taken. */
class Handover implements ReadSink {
  #waiting: { readonly happening: Happening; readonly taken: () => void } | undefined;
  #taker: (() => void) | undefined;
  #over: { readonly error: unknown } | undefined;

  entry = (_: number, stat: TreeStat) => this.#put({ of: "entry", stat });
  data = (_: number, data: Buffer) => this.#put({ of: "data", data });
  ended = (_: number, end: ReadEnd) => this.#put({ of: "ended", end });
  failed = (_: number, failure: ReadFailure) => this.#put({ of: "failed", failure });

  /** No more comes; `error` is thrown to who waits, where there is one. */
  close(error?: unknown): void {
    this.#over ??= { error };
    this.#waiting?.taken();
    this.#taker?.();
  }

  async take(): Promise<Happening> {
    while (this.#waiting === undefined) {
      if (this.#over !== undefined) throw this.#over.error ?? new Error("a reading is over");
      await new Promise<void>((resolve) => {
        this.#taker = resolve;
      });
    }
    const { happening, taken } = this.#waiting;
    this.#waiting = undefined;
    taken();
    return happening;
  }

  #put(happening: Happening): Promise<void> {
    if (this.#over !== undefined) throw new PyroError("cancelled", "The reader of a tree has gone");
    return new Promise((taken) => {
      this.#waiting = { happening, taken };
      this.#taker?.();
    });
  }
}

export interface EntryOptions {
  /** What stands before each path in the tree and is not part of the entry's */
  readonly below: string;
  readonly signal: AbortSignal;
  /** Told of a file that was written to while it was read */
  readonly onChanged: (path: string) => void;
  /** Told of a path that is neither file, directory nor symlink, or could not be read */
  readonly onSkipped: (path: string, reason: string) => void;
}

/** Reads the entries at these paths. A file that changes its length meanwhile raises `length_mismatch`. */
export async function* guestEntries(
  tree: GuestTree,
  paths: readonly string[],
  options: EntryOptions,
): AsyncGenerator<SourceEntry> {
  const handover = new Handover();
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  const request = { root: tree.root, paths, max_bytes: null, offset: 0, follow: false };
  const reading = readTree(tree.agent, request, handover, treeCall(tree, signal)).then(
    () => handover.close(),
    (error: unknown) => handover.close(error),
  );
  try {
    for (const path of paths) {
      const first = await handover.take();
      const shown = options.below === "" ? path : path.slice(options.below.length + 1);
      if (first.of === "failed") options.onSkipped(shown, first.failure.agent_code);
      else if (first.of === "entry") yield* entryOf(shown, first.stat, handover, options);
    }
  } finally {
    gone.abort();
    handover.close();
    await reading;
  }
}

async function* entryOf(
  path: string,
  stat: TreeStat,
  handover: Handover,
  options: EntryOptions,
): AsyncGenerator<SourceEntry> {
  const state = { over: false };
  async function* content(): AsyncGenerator<Uint8Array> {
    while (!state.over) {
      const next = await handover.take();
      if (next.of === "data") yield next.data;
      else state.over = true;
      if (next.of === "ended" && next.end.changed) options.onChanged(path);
      if (next.of === "ended" && stat.kind === "file" && next.end.bytes < stat.size_bytes) throw shrunk(path);
      if (next.of === "failed") throw unread(path, next.failure);
    }
  }
  const { kind, mode, size_bytes, link_target } = stat;
  if (kind === "other") options.onSkipped(path, "unsupported_type");
  else yield { path, kind, mode, size_bytes, link_target, content };
  for await (const _ of content());
}

function shrunk(path: string): PyroError {
  return new PyroError("path_changed", `${showPath(path)} became shorter while it was read`, { details: { path } });
}

function unread(path: string, { code, agent_code }: ReadFailure): PyroError {
  return new PyroError(code, `${showPath(path)} could not be read to its end: ${agent_code}`, { details: { path } });
}
