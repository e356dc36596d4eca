/** Walks a directory by descriptors, in sorted order, never through a symlink, and tells what it had to leave out. */
import { setImmediate } from "node:timers/promises";
import { PyroError } from "../../contract/errors.ts";
import { decodePath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import type { TreeCheck } from "../../contract/tree-check.ts";
import type { DirectoryHandle, NodeState } from "../../platform/directory-handle.ts";
import { errnoOf, type OpenFile } from "../../platform/files.ts";
import { readStable, type StableContent } from "../../platform/stable-read.ts";
import { seedError } from "./opening.ts";
import type { Selection } from "./selection.ts";
import type { SkipReason } from "./source.ts";

/** The event loop gets its turn after so long. */
const TURN_MS = 20;

const reasonOfErrno: Readonly<Record<string, SkipReason>> = {
  EACCES: "unreadable",
  EPERM: "unreadable",
  ENOENT: "changed_during_copy",
  ELOOP: "changed_during_copy",
  ENOTDIR: "changed_during_copy",
  // What was a symlink is none any more.
  EINVAL: "changed_during_copy",
  ENXIO: "changed_during_copy",
};

/** What to walk. */
export interface WalkOptions {
  readonly root: DirectoryHandle;
  readonly check: TreeCheck;
  /** Directory for copies of large files */
  readonly scratch: string;
  readonly signal?: AbortSignal | undefined;
  /** Names to take; all where it is absent */
  readonly selection?: Selection | undefined;
  readonly onSkip: (path: string, reason: SkipReason) => void;
}

/** A directory that is being read. */
interface Frame {
  readonly handle: DirectoryHandle;
  /** Path with a slash behind it; empty for the root */
  readonly prefix: string;
  readonly names: readonly Buffer[];
  readonly selection: Selection | undefined;
  next: number;
}

/** What a name turned out to be: an entry, and what is open because of it. */
interface Found {
  readonly entry: SourceEntry;
  readonly content?: StableContent;
  readonly below?: Frame;
}

const nothing = async function* (): AsyncGenerator<Uint8Array> {};

/** The entries below `root`, which stays open. */
export async function* walk(options: WalkOptions): AsyncGenerator<SourceEntry> {
  const frames: Frame[] = [frameOf(options.root, "", options.selection)];
  let turn = performance.now();
  try {
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      if (performance.now() - turn > TURN_MS) {
        await setImmediate();
        turn = performance.now();
      }
      if (options.signal?.aborted) throw new PyroError("cancelled", "cancelled while the seed was read");
      const name = frame.names[frame.next++];
      if (name === undefined) closeFrame(frames, options);
      else yield* take(name, frame, frames, options);
    }
  } finally {
    while (frames.length > 0) closeFrame(frames, options);
  }
}

function closeFrame(frames: Frame[], { root }: WalkOptions): void {
  const handle = frames.pop()?.handle;
  if (handle !== root) handle?.close();
}

function frameOf(handle: DirectoryHandle, prefix: string, selection: Selection | undefined): Frame {
  const names = selection === undefined ? handle.names().sort(Buffer.compare) : selection.names();
  return { handle, prefix, names, selection, next: 0 };
}

async function* take(name: Buffer, frame: Frame, frames: Frame[], options: WalkOptions): AsyncGenerator<SourceEntry> {
  const path = frame.prefix + decodePath(name);
  const found = await examine(name, path, frame, options);
  if (found === undefined) return;
  try {
    if (found.below !== undefined) frames.push(found.below);
    yield found.entry;
  } finally {
    found.content?.close();
  }
}

async function examine(name: Buffer, path: string, frame: Frame, options: WalkOptions): Promise<Found | undefined> {
  try {
    return await open(name, path, frame, options);
  } catch (thrown) {
    if (thrown instanceof PyroError) throw thrown;
    const reason = reasonOfErrno[errnoOf(thrown) ?? ""];
    if (reason === undefined) throw seedError(thrown, path);
    options.onSkip(path, reason);
    return undefined;
  }
}

async function open(name: Buffer, path: string, frame: Frame, options: WalkOptions): Promise<Found | undefined> {
  const selected = frame.selection?.get(name);
  const state = frame.handle.stateOf(name);
  if (state === undefined) {
    // A selection may know of files that were deleted since; a listing does not.
    if (selected === undefined) options.onSkip(path, "changed_during_copy");
    return undefined;
  }
  if (state.type === "directory") return openDirectory(name, path, frame, options);
  if (selected !== undefined && !selected.isListed) return undefined;
  if (state.type === "file") return openFile(name, path, frame, options);
  if (state.type === "symlink") return openSymlink(name, path, state, frame, options);
  options.onSkip(path, state.type);
  return undefined;
}

function openDirectory(name: Buffer, path: string, frame: Frame, { check }: WalkOptions): Found {
  const handle = frame.handle.openDirectory(name);
  try {
    const below = frameOf(handle, `${path}/`, frame.selection?.below(name));
    const entry = entryOf(path, "directory", handle.state().mode);
    check.admit(entry);
    return { entry, below };
  } catch (thrown) {
    handle.close();
    throw thrown;
  }
}

function openSymlink(name: Buffer, path: string, state: NodeState, frame: Frame, { check }: WalkOptions): Found {
  const link_target = decodePath(frame.handle.linkTargetOf(name));
  const entry: SourceEntry = { ...entryOf(path, "symlink", state.mode), link_target };
  check.admit(entry);
  return { entry };
}

async function openFile(name: Buffer, path: string, frame: Frame, options: WalkOptions): Promise<Found | undefined> {
  const file = frame.handle.openFile(name);
  try {
    const mode = file.mode();
    if (mode === undefined) {
      options.onSkip(path, "changed_during_copy");
      return undefined;
    }
    return await readFile(file, { ...entryOf(path, "file", mode), size_bytes: file.size() }, options);
  } finally {
    file.close();
  }
}

async function readFile(file: OpenFile, expected: SourceEntry, options: WalkOptions): Promise<Found | undefined> {
  const { check, scratch, onSkip } = options;
  // What cannot be admitted is not read first.
  if (check.total_bytes + expected.size_bytes > check.limits.total_bytes) check.admit(expected);
  const content = await readStable(file, scratch);
  if (content === undefined) {
    onSkip(expected.path, "changed_during_copy");
    return undefined;
  }
  const entry = { ...expected, size_bytes: content.size_bytes, content: () => content.read() };
  try {
    check.admit(entry);
  } catch (thrown) {
    content.close();
    throw thrown;
  }
  return { entry, content };
}

function entryOf(path: string, kind: SourceEntry["kind"], mode: number): SourceEntry {
  return { path, kind, mode, size_bytes: 0, link_target: null, content: nothing };
}
