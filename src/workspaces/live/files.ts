/** Single files of a running workspace: read and written, strictly below /workspace. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { pathInWorkspace, shownInWorkspace } from "../../contract/workspace-paths.ts";
import { type ReadFailure, type ReadSink, readTree } from "../../wire/tree-read.ts";
import { expectationOf, type TreeStat } from "../../wire/tree-stat.ts";
import { type Change, writeTree } from "../../wire/tree-write.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";
import type { WorkContext } from "../machine-source.ts";
import type { Redactor } from "../secrets/redactor.ts";
import type { LiveWorkspace } from "./live-workspace.ts";

/** Largest file that is written in one call, in bytes (docs/design/limits.md). */
const MAX_WRITE_BYTES = 64 * 1_048_576;
const NEW_FILE_MODE = 0o644;

export interface ReadInput {
  readonly path: string;
  readonly max_bytes: number;
  readonly offset: number;
  readonly encoding: "utf-8" | "base64";
}

export interface FileContent {
  readonly path: string;
  readonly size_bytes: number;
  readonly offset: number;
  readonly bytes_read: number;
  readonly truncated: boolean;
  readonly encoding: "utf-8" | "base64";
  readonly content: string;
  /** Whether something in the content is not as it is in the file, since it would show a secret */
  readonly redacted: boolean;
  /** Of the whole file; null where this is only a part of it, or redacted */
  readonly sha256: string | null;
}

export interface WriteInput {
  readonly path: string;
  readonly text: string;
  readonly encoding: "utf-8" | "base64";
  readonly if_sha256?: string | undefined;
}

export interface WrittenFile {
  readonly path: string;
  readonly bytes_written: number;
  readonly is_new: boolean;
  readonly sha256: string;
}

export function readFile(workspace: LiveWorkspace, input: ReadInput, { signal }: WorkContext): Promise<FileContent> {
  const path = pathInWorkspace(input.path);
  const { redactor } = workspace.secrets.known;
  return workspace.readTree((tree) => readFrom(tree, { path, shown: shownInWorkspace(path) }, input, redactor, signal));
}

/** Reads part of one file, without the values of secrets; a symlink is followed where it stays in the tree. */
export async function readFrom(
  tree: GuestTree,
  { path, shown }: { readonly path: string; readonly shown: string },
  input: ReadInput,
  redactor: Redactor,
  signal: AbortSignal,
): Promise<FileContent> {
  const { offset, encoding } = input;
  const part = redactor.surrounding(input);
  const { stat, bytes: around } = await readOne(tree, path, shown, { ...part, follow: true }, signal);
  const start = offset - part.offset;
  const bytes = around.subarray(start, start + input.max_bytes);
  const truncated = offset + bytes.length < stat.size_bytes;
  const isWhole = offset === 0 && !truncated;
  const bytes_read = encoding === "base64" ? bytes.length : textBytes(bytes, shown, truncated);
  const content = redactor.within(around, start, start + bytes_read);
  const redacted = !content.equals(bytes.subarray(0, bytes_read));
  return {
    path: shown,
    size_bytes: stat.size_bytes,
    offset,
    truncated,
    encoding,
    content: content.toString(encoding),
    bytes_read,
    redacted,
    sha256: isWhole && !redacted ? createHash("sha256").update(bytes).digest("hex") : null,
  };
}

/** Replaces a file in one step, with the directories above it. */
export async function writeFile(
  workspace: LiveWorkspace,
  input: WriteInput,
  { signal }: WorkContext,
): Promise<WrittenFile> {
  const path = pathInWorkspace(input.path);
  if (path === "") throw new PyroError("not_a_file", `${shownInWorkspace(path)} is a directory`);
  const content = contentOf(input);
  const written = await workspace.changeTree(signal, (tree) => replace(tree, path, content, input.if_sha256, signal));
  workspace.journal.note({ kind: "file_write", path, bytes: content.length });
  return written;
}

async function replace(
  tree: GuestTree,
  path: string,
  content: Buffer,
  if_sha256: string | undefined,
  signal: AbortSignal,
): Promise<WrittenFile> {
  const shown = shownInWorkspace(path);
  const known = await existing(tree, path, shown, if_sha256, signal);
  if (known !== undefined && known.kind !== "file") throw new PyroError("not_a_file", `${shown} is a ${known.kind}`);
  const slash = path.lastIndexOf("/");
  const request = { root: tree.root, dest: slash < 0 ? "" : path.slice(0, slash), replace: true };
  const entry: Change = {
    path: path.slice(slash + 1),
    kind: "file",
    mode: known?.mode ?? NEW_FILE_MODE,
    size_bytes: content.length,
    link_target: null,
    content: async function* () {
      yield content;
    },
    expect: known === undefined ? { state: "absent" } : expectationOf(known),
  };
  await writeTree(tree.agent, request, [entry], treeCall(tree, signal));
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { path: shown, bytes_written: content.length, is_new: known === undefined, sha256 };
}

/** What is at the path now; undefined where nothing is. */
async function existing(
  tree: GuestTree,
  path: string,
  shown: string,
  if_sha256: string | undefined,
  signal: AbortSignal,
): Promise<TreeStat | undefined> {
  const max_bytes = if_sha256 === undefined ? 0 : MAX_WRITE_BYTES;
  try {
    const { stat, bytes } = await readOne(tree, path, shown, { max_bytes, offset: 0, follow: false }, signal);
    if (if_sha256 === undefined || createHash("sha256").update(bytes).digest("hex") === if_sha256) return stat;
  } catch (thrown) {
    if (!(thrown instanceof PyroError) || thrown.code !== "path_not_found") throw thrown;
    if (if_sha256 === undefined) return undefined;
  }
  throw new PyroError("path_changed", `${showPath(shown)} does not have the hash that was expected`, {
    details: { path: shown },
  });
}

/** What is at a path; a symlink is not followed. */
export async function statOf(tree: GuestTree, path: string, shown: string, signal: AbortSignal): Promise<TreeStat> {
  return (await readOne(tree, path, shown, { max_bytes: 0, offset: 0, follow: false }, signal)).stat;
}

async function readOne(
  tree: GuestTree,
  path: string,
  shown: string,
  part: { max_bytes: number; offset: number; follow: boolean },
  signal: AbortSignal,
): Promise<{ stat: TreeStat; bytes: Buffer }> {
  const one = new OneEntry();
  await readTree(tree.agent, { root: tree.root, paths: [path], ...part }, one, treeCall(tree, signal));
  const { stat, failure, chunks } = one;
  if (failure !== undefined || stat === undefined) throw unread(shown, failure);
  if (part.follow && stat.kind !== "file")
    throw new PyroError("not_a_file", `${showPath(shown)} is not a regular file`, { details: { path: shown } });
  return { stat, bytes: Buffer.concat(chunks) };
}

/** What a reading of one path gave. */
class OneEntry implements ReadSink {
  stat: TreeStat | undefined;
  failure: ReadFailure | undefined;
  readonly chunks: Buffer[] = [];

  entry(_: number, stat: TreeStat): void {
    this.stat = stat;
  }
  data(_: number, data: Buffer): void {
    this.chunks.push(Buffer.from(data));
  }
  ended(): void {}
  failed(_: number, failure: ReadFailure): void {
    this.failure = failure;
  }
}

function unread(path: string, failure: ReadFailure | undefined): PyroError {
  const code = failure?.code ?? "guest_lost";
  return new PyroError(code, `${showPath(path)} cannot be read: ${failure?.agent_code.replaceAll("_", " ")}`, {
    details: { path },
  });
}

/** Length of the UTF-8 text, cut before a character that is not whole; anything else is refused. */
function textBytes(bytes: Buffer, path: string, truncated: boolean): number {
  const content = decoded(bytes, truncated);
  if (content !== undefined && !content.includes("\0")) return Buffer.byteLength(content);
  throw new PyroError("file_is_binary", `${showPath(path)} is not UTF-8 text`, { details: { path } });
}

function decoded(bytes: Buffer, isCut: boolean): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: isCut });
  } catch {
    return undefined;
  }
}

function contentOf({ text: given, encoding }: WriteInput): Buffer {
  if (encoding === "base64" && !/^[A-Za-z0-9+/]*={0,2}$/.test(given))
    throw new PyroError("invalid_input", "text is not base64");
  if (encoding === "utf-8" && Buffer.from(given, "utf8").toString("utf8") !== given)
    throw new PyroError("invalid_input", "text is not valid Unicode", { hint: "Give binary content in base64" });
  const content = Buffer.from(given, encoding === "base64" ? "base64" : "utf8");
  if (content.length <= MAX_WRITE_BYTES) return content;
  throw new PyroError("too_large", `${content.length} bytes are more than the ${MAX_WRITE_BYTES} of one file`, {
    hint: "Use pyro workspace sync push",
  });
}
