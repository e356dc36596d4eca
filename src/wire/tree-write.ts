/** Changes a guest's tree as a whole: entries and their content go out, and all of them are there or none. */
import type { ClientHttp2Stream } from "node:http2";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { SourceEntry } from "../contract/tree.ts";
import type { AgentClient } from "./client.ts";
import { type Message, messages, recordKind } from "./messages.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";
import type { Expectation } from "./tree-messages.ts";
import { nameToWire, pathToWire, type TreeCall } from "./tree-stat.ts";
import { UploadBody } from "./upload-body.ts";

export interface WriteRequest {
  /** Absolute path of the tree in the guest */
  readonly root: string;
  /** Directory for the entries, made where it is missing; empty for the tree itself */
  readonly dest: string;
  /** Whether files and symlinks may take the place of others */
  readonly replace: boolean;
}

/** Takes away what is at a path: a file, a symlink, a directory that is empty by then. */
export interface Deletion {
  readonly path: string;
  readonly kind: "delete";
}

/** One change, with what must be at its path before; absent for whatever there is. */
export type Change = (SourceEntry | Deletion) & { readonly expect?: Expectation };

export interface Written {
  readonly entries: number;
  readonly bytes: number;
}

/** Makes all changes, or none. Deletions come first, whatever the order. Content is read while it is sent. */
export function writeTree(
  client: AgentClient,
  request: WriteRequest,
  changes: AsyncIterable<Change> | Iterable<Change>,
  call: TreeCall,
): Promise<Written> {
  return client.exchange("write", call.signal, (stream) => upload(stream, request, changes, call.deadline_ms));
}

async function upload(
  stream: ClientHttp2Stream,
  request: WriteRequest,
  changes: AsyncIterable<Change> | Iterable<Change>,
  deadline_ms: number,
): Promise<Written> {
  const body = new UploadBody(stream, deadline_ms);
  const answered = responseStatus(stream);
  // Awaited below; until then a break of the stream is not without a handler.
  answered.then(
    () => body.stop(),
    () => body.stop(),
  );
  const sent = await sendAll(body, request, changes);
  const deadline = setTimeout(() => stream.destroy(late(deadline_ms)), deadline_ms);
  try {
    const status = await answered;
    const text = await collect(stream, "write");
    if (status !== 200) throw refusal("write", text);
    const written = parse(messages["write.response"], text, "write");
    if (sent === undefined) throw violation("The agent answered an upload before its end");
    if (written.entries !== sent.entries || written.bytes !== sent.bytes)
      throw violation("The agent counts other entries than were sent");
    return written;
  } finally {
    clearTimeout(deadline);
  }
}

/** Sends everything; undefined where the agent has answered before that. */
async function sendAll(
  body: UploadBody,
  { root, dest, replace }: WriteRequest,
  changes: AsyncIterable<Change> | Iterable<Change>,
): Promise<Written | undefined> {
  const written = { entries: 0, bytes: 0 };
  const params: Message<"write.params"> = { root, dest: pathToWire(dest, true), replace };
  await body.json(params);
  try {
    for await (const change of changes) {
      if (body.stopped) return undefined;
      const item = itemOf(change);
      await body.json(item);
      if (change.kind === "file") await sendContent(body, change);
      written.entries += 1;
      written.bytes += item.size_bytes;
    }
  } catch (thrown) {
    throw toPyroError(thrown);
  }
  if (body.stopped) return undefined;
  const commit: Message<"write.item"> = { item: "commit" };
  await body.json(commit);
  await body.end();
  return written;
}

function itemOf(change: Change): Extract<Message<"write.item">, { item: "entry" }> {
  const common = { item: "entry", path: pathToWire(change.path, false), expect: change.expect ?? null } as const;
  if (change.kind === "delete") return { ...common, kind: "delete", mode: 0, size_bytes: 0, link_target: null };
  const { kind, mode, size_bytes, link_target } = change;
  return { ...common, kind, mode, size_bytes, link_target: link_target === null ? null : nameToWire(link_target) };
}

async function sendContent(body: UploadBody, entry: SourceEntry): Promise<void> {
  let left = entry.size_bytes;
  if (left === 0) return;
  for await (const chunk of entry.content()) {
    if (body.stopped) return;
    left -= chunk.length;
    if (left < 0) break;
    await body.data(chunk, recordKind.data);
  }
  if (left !== 0 && !body.stopped)
    throw new PyroError("internal_error", `The content of ${JSON.stringify(entry.path)} has not its size`);
}

function late(deadline_ms: number): PyroError {
  return new PyroError("agent_stalled", `The agent did not finish an upload within ${deadline_ms} ms`);
}
