/** Reads a tar archive as a tree, and refuses one that contradicts itself, the format or the limits. */
import { PyroError } from "../../contract/errors.ts";
import { decodePath, showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { checkTreePath, TreeCheck, type TreeLimits } from "../../contract/tree-check.ts";
import { ByteReader } from "./byte-reader.ts";
import { isExtension, MAX_EXTENSION_BYTES, TarExtensions } from "./tar-extensions.ts";
import { BLOCK_BYTES, inconsistent, parseHeader, type TarHeader } from "./tar-header.ts";

/** Zeros behind the end; tar fills its last record, of 10 KiB unless told otherwise. */
const MAX_PADDING_BYTES = 16 * 1_048_576;
/** All that describes entries, together */
const MAX_EXTENSIONS_BYTES = 256 * 1_048_576;
const IMPLIED_MODE = 0o755;

const typeNames: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
  S: "a sparse file",
};

const nothing = async function* (): AsyncGenerator<Uint8Array> {};

/** A tar archive that is read once. */
export class TarReader {
  readonly #reader: ByteReader;
  readonly #check: TreeCheck;
  readonly #extensions = new TarExtensions();
  /** Directories that the archive did not name before their content */
  readonly #implied = new Set<string>();
  readonly #modes = new Map<string, number>();
  #extensions_bytes = 0;
  /** Content of the entry at hand that was not read yet */
  #missing = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, limits?: TreeLimits) {
    this.#reader = new ByteReader(chunks);
    this.#check = new TreeCheck(limits);
  }

  /** The commit it was made from, where `git archive` made it. */
  get commit(): string | null {
    return this.#extensions.commit;
  }

  /** The entries; raises `archive_truncated`, `archive_inconsistent`, `unsupported_type` and what a tree is refused for. */
  async *entries(): AsyncGenerator<SourceEntry> {
    try {
      for (;;) {
        const offset = this.#reader.offset;
        const block = await this.#exactly(BLOCK_BYTES, offset);
        if (isZero(block)) return await this.#finish(offset);
        const header = parseHeader(block, offset);
        if (isExtension(header.type)) await this.#takeExtension(header, offset);
        else yield* this.#takeEntry(this.#extensions.apply(header, offset), offset);
      }
    } finally {
      await this.#reader.close();
    }
  }

  async #takeExtension(header: TarHeader, offset: number): Promise<void> {
    this.#extensions_bytes += BLOCK_BYTES + header.size;
    if (header.size > MAX_EXTENSION_BYTES || this.#extensions_bytes > MAX_EXTENSIONS_BYTES)
      throw new PyroError("too_large", `the archive describes entries at too great length at byte ${offset}`, {
        details: { offset, limit: MAX_EXTENSION_BYTES, total_limit: MAX_EXTENSIONS_BYTES },
      });
    const content = await this.#exactly(header.size, offset);
    await this.#skipPadding(header.size, offset);
    this.#extensions.take(header.type, content, offset);
  }

  async *#takeEntry(header: TarHeader, offset: number): AsyncGenerator<SourceEntry> {
    const kind = kindOf(header, offset);
    const path = pathOf(header.name, offset);
    if (kind !== "file" && header.size !== 0) throw inconsistent(offset, "has content for what is no file");
    if (path === "") {
      if (kind === "directory") return;
      throw inconsistent(offset, "has an entry without a name");
    }
    checkTreePath(path, this.#check.limits);
    if (kind === "directory" && this.#isRepeated(path, header.mode)) return;
    yield* this.#impliedAbove(path);
    const link_target = kind === "symlink" ? decodePath(header.link_name) : null;
    const content = () => this.#content(offset);
    const entry = { path, kind, mode: header.mode, size_bytes: header.size, link_target, content };
    this.#check.admit(entry);
    if (kind === "directory") this.#modes.set(path, header.mode);
    this.#missing = header.size;
    yield entry;
    // What the reader of the entry left is passed over, also where it stopped halfway.
    for await (const _ of this.#content(offset));
    await this.#skipPadding(header.size, offset);
  }

  /** A directory may come again as it was, or once behind its content, whose mode then counts no longer. */
  #isRepeated(path: string, mode: number): boolean {
    return this.#implied.delete(path) || this.#modes.get(path) === mode;
  }

  async *#impliedAbove(path: string): AsyncGenerator<SourceEntry> {
    for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) {
      const parent = path.slice(0, cut);
      if (this.#check.kindOf(parent) !== undefined) continue;
      const shape = { kind: "directory", mode: IMPLIED_MODE, size_bytes: 0, link_target: null } as const;
      const entry = { path: parent, ...shape, content: nothing };
      this.#check.admit(entry);
      this.#implied.add(parent);
      yield entry;
    }
  }

  async *#content(offset: number): AsyncGenerator<Uint8Array> {
    while (this.#missing > 0) {
      const part = await this.#reader.some(this.#missing);
      if (part.length === 0) throw truncated(offset);
      this.#missing -= part.length;
      yield part;
    }
  }

  async #skipPadding(size: number, offset: number): Promise<void> {
    const padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    await this.#exactly(padding, offset);
  }

  async #finish(offset: number): Promise<void> {
    if (this.#extensions.isPending) throw inconsistent(offset, "ends where an entry was announced");
    const second = await this.#exactly(BLOCK_BYTES, offset);
    if (!isZero(second)) throw inconsistent(offset, "has an empty header");
    for (let padding = 0; ; ) {
      const part = await this.#reader.some(BLOCK_BYTES * 128);
      if (part.length === 0) return;
      if (!isZero(part)) throw inconsistent(offset, "goes on behind its end");
      padding += part.length;
      if (padding > MAX_PADDING_BYTES)
        throw new PyroError("too_large", `the archive has more than ${MAX_PADDING_BYTES} bytes behind its end`, {
          details: { offset, limit: MAX_PADDING_BYTES },
        });
    }
  }

  async #exactly(length: number, offset: number): Promise<Buffer> {
    const bytes = await this.#reader.take(length);
    if (bytes.length < length) throw truncated(offset);
    return bytes;
  }
}

function truncated(offset: number): PyroError {
  return new PyroError("archive_truncated", `the archive ends in the middle of what begins at byte ${offset}`, {
    details: { offset },
  });
}

const isZero = (bytes: Buffer) => bytes.every((byte) => byte === 0);

function kindOf({ type, name, size }: TarHeader, offset: number): SourceEntry["kind"] {
  // Archives from before POSIX mark a directory by a slash.
  const isFile = type === "0" || type === "7";
  if (isFile && name.at(-1) === 0x2f && size > 0) throw inconsistent(offset, "has content for a directory");
  if (isFile) return name.at(-1) === 0x2f ? "directory" : "file";
  if (type === "5") return "directory";
  if (type === "2") return "symlink";
  const what = typeNames[type] ?? `of the type ${JSON.stringify(type)}`;
  throw new PyroError("unsupported_type", `${showPath(decodePath(name))} in the archive is ${what}`, {
    details: { path: decodePath(name), type, offset },
  });
}

/** The name as a path of a tree; empty for the root itself. */
function pathOf(name: Buffer, offset: number): string {
  const path = decodePath(name);
  if (path === "") throw inconsistent(offset, "has an entry without a name");
  if (path.startsWith("/")) throw new PyroError("path_escape", `${showPath(path)} in the archive is an absolute path`);
  const names = path.split("/").filter((each) => each !== "" && each !== ".");
  return names.join("/");
}
