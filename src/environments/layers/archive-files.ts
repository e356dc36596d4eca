/** The files of an OCI layout or docker save archive, wherever they lie: in a directory, in a tar, or in a compressed tar. */
import { posix } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import { DirectoryHandle, openNamed } from "../../platform/directory-handle.ts";
import { errnoOf, ioError, namelessFile, type OpenFile } from "../../platform/files.ts";
import type { StatePaths } from "../../store/paths.ts";
import { Budget } from "./budget.ts";
import { type LayerCompression, layerBytes } from "./layer-bytes.ts";
import { layerLimits } from "./limits.ts";
import { LayerProblem } from "./problems.ts";
import { TarScanner } from "./tar-scan.ts";

const MAX_FILES = 100_000;
const READ_BYTES = 65_536;
const MAX_LINKS = 8;

/** A file, or the part of one that it is. */
export interface FilePart {
  readonly file: OpenFile;
  readonly offset: number;
  readonly size_bytes: number;
}

export interface ArchiveFiles {
  /** Undefined where there is no such file; paths have no `..` in them. */
  open(path: string): FilePart | undefined;
  close(): void;
}

/** An `image_archive_invalid` about one file or directory. */
export function invalidArchive(path: string, problem: string): PyroError {
  return new PyroError("image_archive_invalid", `${showPath(path)} ${problem}`, { details: { path } });
}

/** Opens what is at the path. A compressed archive is uncompressed into a file without a name. */
export async function openArchiveFiles(path: string, paths: StatePaths, signal: AbortSignal): Promise<ArchiveFiles> {
  const directory = openDirectory(path);
  if (directory !== undefined) return new LayoutDirectory(directory);
  const given = openOrRefuse(path);
  let file = given;
  try {
    if (given.mode() === undefined) throw invalidArchive(path, "is neither a file nor a directory");
    const compression = await compressionOf({ file: given, offset: 0, size_bytes: given.size() });
    if (compression !== "none") {
      file = await uncompressed(path, given, compression, paths, signal);
      given.close();
    }
    return new LayoutTar(file, await partsOf(file, signal));
  } catch (thrown) {
    file.close();
    throw thrown instanceof LayerProblem ? invalidArchive(path, thrown.message) : thrown;
  }
}

/** How a file is compressed, by its first bytes. */
export async function compressionOf({ file, offset, size_bytes }: FilePart): Promise<LayerCompression> {
  const head = Buffer.alloc(4);
  const count = size_bytes < 4 ? 0 : await file.read(head, offset);
  if (count < 4) return "none";
  if (head.readUInt16BE(0) === 0x1f8b) return "gzip";
  return head.readUInt32LE(0) === 0xfd2fb528 ? "zstd" : "none";
}

function openDirectory(path: string): DirectoryHandle | undefined {
  try {
    return DirectoryHandle.open(path);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOTDIR") return undefined;
    throw unreadable(thrown, path);
  }
}

function openOrRefuse(path: string): OpenFile {
  try {
    return openNamed(path);
  } catch (thrown) {
    throw unreadable(thrown, path);
  }
}

function unreadable(thrown: unknown, path: string): PyroError {
  if (!["ENOENT", "EACCES", "ENOTDIR", "ELOOP"].includes(errnoOf(thrown) ?? "")) return ioError(thrown, "open", path);
  const reason = errnoOf(thrown) === "ENOENT" ? "there is nothing there" : `it cannot be read (${errnoOf(thrown)})`;
  return new PyroError("image_archive_not_found", `no image archive at ${showPath(path)}: ${reason}`, {
    details: { path },
  });
}

async function uncompressed(
  path: string,
  file: OpenFile,
  compression: LayerCompression,
  paths: StatePaths,
  signal: AbortSignal,
): Promise<OpenFile> {
  const plain = namelessFile(paths.building);
  const blob = { file, digest: path, diff_id: "", compression, size_bytes: file.size() };
  try {
    for await (const chunk of layerBytes(blob, layerLimits, signal)) plain.write(chunk);
    return plain;
  } catch (thrown) {
    plain.close();
    throw thrown;
  }
}

/** A directory; symlinks in it are not followed. */
class LayoutDirectory implements ArchiveFiles {
  readonly #root: DirectoryHandle;
  readonly #opened = new Map<string, OpenFile>();

  constructor(root: DirectoryHandle) {
    this.#root = root;
  }

  open(path: string): FilePart | undefined {
    const file = this.#opened.get(path) ?? this.#openFile(path.split("/"));
    if (file === undefined) return undefined;
    this.#opened.set(path, file);
    return { file, offset: 0, size_bytes: file.size() };
  }

  close(): void {
    for (const file of this.#opened.values()) file.close();
    this.#root.close();
  }

  #openFile(names: readonly string[], directory = this.#root): OpenFile | undefined {
    const [name, ...rest] = names;
    try {
      if (rest.length === 0) return regular(directory.openFile(Buffer.from(name ?? "")));
      const inner = directory.openDirectory(Buffer.from(name ?? ""));
      try {
        return this.#openFile(rest, inner);
      } finally {
        inner.close();
      }
    } catch (thrown) {
      if (["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(thrown) ?? "")) return undefined;
      throw ioError(thrown, "open", `${directory.path}/${names.join("/")}`);
    }
  }
}

function regular(file: OpenFile): OpenFile | undefined {
  if (file.mode() !== undefined) return file;
  file.close();
  return undefined;
}

/** A tar whose files are read where they lie. */
class LayoutTar implements ArchiveFiles {
  readonly #file: OpenFile;
  readonly #parts: ReadonlyMap<string, FilePart | string>;

  constructor(file: OpenFile, parts: ReadonlyMap<string, FilePart | string>) {
    this.#file = file;
    this.#parts = parts;
  }

  /** Archives of docker save have a layer that several images share once, and symlinks to it. */
  open(path: string): FilePart | undefined {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const found = this.#parts.get(at);
      if (typeof found !== "string") return found;
      at = found;
    }
    return undefined;
  }

  close(): void {
    this.#file.close();
  }
}

async function partsOf(file: OpenFile, signal: AbortSignal): Promise<Map<string, FilePart | string>> {
  const parts = new Map<string, FilePart | string>();
  const scanner = new TarScanner(0, new Budget({ ...layerLimits, entries: MAX_FILES }), (entry) => {
    const path = posix.normalize(`/${entry.name}`).slice(1);
    const { kind, target, content, size } = entry.inode;
    if (entry.same_as !== undefined) parts.set(path, posix.normalize(`/${entry.same_as}`).slice(1));
    else if (kind === "symlink") parts.set(path, posix.normalize(`/${posix.dirname(path)}/${target}`).slice(1));
    else if (kind === "file" && content?.parts === undefined)
      parts.set(path, { file, offset: content?.offset ?? 0, size_bytes: size });
  });
  const end = file.size();
  for (let at = 0; at < end; at = scanner.passOver()) {
    if (signal.aborted) throw new PyroError("cancelled", "cancelled while an image archive was read");
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, end - at));
    const count = await file.read(buffer, at);
    if (count === 0) break;
    scanner.feed(buffer.subarray(0, count));
  }
  if (scanner.passOver() > end) throw new LayerProblem("layer_truncated", "ends before its end");
  scanner.end();
  return parts;
}
