/** What stands before and after a file in a tar archive of ours: GNU's format, whose names are any bytes of any length. */
import { encodePath } from "../../contract/path-bytes.ts";
import type { EntryKind, TreeEntry } from "../../contract/tree.ts";

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
/** Bits of a mode that an entry keeps */
const PERMISSIONS = 0o777;
const MAGIC = "ustar  \0";

const typeOf = { file: "0", directory: "5", symlink: "2" } as const satisfies Record<EntryKind, string>;
/** Types of the entries whose content is the name, or the target, of the next one */
const LONG_NAME = "L";
const LONG_TARGET = "K";

/** The header of an entry, root's, and before it what does not fit in. `mtime` is in seconds since 1970. */
export function tarHeader({ path, kind, mode, size_bytes, link_target }: TreeEntry, mtime: number): Buffer {
  const name = encodePath(kind === "directory" ? `${path}/` : path);
  const target = encodePath(link_target ?? "");
  return Buffer.concat([
    ...(name.length > NAME_BYTES ? long(LONG_NAME, name) : []),
    ...(target.length > NAME_BYTES ? long(LONG_TARGET, target) : []),
    header({ type: typeOf[kind], name, target, mode: mode & PERMISSIONS, size: size_bytes, mtime }),
  ]);
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The end of an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

function long(type: string, text: Buffer): Buffer[] {
  const content = Buffer.concat([text, Buffer.alloc(1)]);
  const name = Buffer.from("././@LongLink");
  const before = header({ type, name, target: Buffer.alloc(0), mode: 0, size: content.length, mtime: 0 });
  return [before, content, tarPadding(content.length)];
}

interface Fields {
  readonly type: string;
  readonly name: Buffer;
  readonly target: Buffer;
  readonly mode: number;
  readonly size: number;
  readonly mtime: number;
}

function header({ type, name, target, mode, size, mtime }: Fields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) => block.write(value.toString(8).padStart(digits, "0"), at);
  name.copy(block, 0, 0, NAME_BYTES);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(mtime, 136, 11);
  block.fill(" ", 148, 156);
  block.write(type, 156);
  target.copy(block, 157, 0, NAME_BYTES);
  block.write(MAGIC, 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}
