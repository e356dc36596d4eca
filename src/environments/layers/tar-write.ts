/** Headers of the tar streams that we make: POSIX, with a pax header before those that do not fit, whose names are any bytes of any length. */
import type { Inode } from "./inode.ts";
import { BLOCK_BYTES } from "./tar-block.ts";

const NAME_BYTES = 100;
/** Largest numbers that fit in a header's fields of 8 and 12 bytes */
const MAX_SMALL = 0o7777777;
const MAX_LARGE = 0o77777777777;
const PAX_NAME = "pax";

const flagOf = {
  file: "0",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
} as const satisfies Record<Inode["kind"], string>;

/** The header of an inode under its first name, and before it what does not fit in. */
export function tarHeader(name: string, inode: Inode): Buffer {
  const { kind, mode, uid, gid, mtime, size, target, device, xattrs } = inode;
  const fields = { flag: flagOf[kind], name, link: target, mode, uid, gid, size, mtime, device };
  const attributes = xattrs.map(([key, value]) => record(`SCHILY.xattr.${key}`, value));
  return withPax(kind === "directory" ? { ...fields, name: `${name}/` } : fields, attributes);
}

/** The header of one more name of what was written under another. */
export function tarLink(name: string, target: string): Buffer {
  return withPax({ ...empty, flag: "1", name, link: target }, []);
}

/** Zeros up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** The end of an archive. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * BLOCK_BYTES);
}

interface Fields {
  readonly flag: string;
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly device: readonly [number, number];
}

const empty: Fields = {
  flag: "0",
  name: "",
  link: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  device: [0, 0],
};

function withPax(fields: Fields, attributes: readonly Buffer[]): Buffer {
  const { name, link, uid, gid, size, mtime } = fields;
  const long = [
    ...(name.length > NAME_BYTES ? [record("path", Buffer.from(name, "latin1"))] : []),
    ...(link.length > NAME_BYTES ? [record("linkpath", Buffer.from(link, "latin1"))] : []),
    ...(uid > MAX_SMALL ? [record("uid", Buffer.from(String(uid)))] : []),
    ...(gid > MAX_SMALL ? [record("gid", Buffer.from(String(gid)))] : []),
    ...(size > MAX_LARGE ? [record("size", Buffer.from(String(size)))] : []),
    ...(mtime > MAX_LARGE ? [record("mtime", Buffer.from(String(mtime)))] : []),
    ...attributes,
  ];
  if (long.length === 0) return block(fields);
  const pax = Buffer.concat(long);
  const before = block({ ...empty, flag: "x", name: PAX_NAME, size: pax.length });
  return Buffer.concat([before, pax, tarPadding(pax.length), block(fields)]);
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function record(key: string, value: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), value, Buffer.from("\n")]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function block({ flag, name, link, mode, uid, gid, size, mtime, device }: Fields): Buffer {
  const made = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number, max: number) =>
    made.write((value > max ? 0 : value).toString(8).padStart(digits, "0"), at, "latin1");
  made.write(name.slice(0, NAME_BYTES), 0, "latin1");
  octal(mode, 100, 7, MAX_SMALL);
  octal(uid, 108, 7, MAX_SMALL);
  octal(gid, 116, 7, MAX_SMALL);
  octal(size, 124, 11, MAX_LARGE);
  octal(mtime, 136, 11, MAX_LARGE);
  made.fill(" ", 148, 156);
  made.write(flag, 156, "latin1");
  made.write(link.slice(0, NAME_BYTES), 157, "latin1");
  made.write("ustar\x0000", 257, "latin1");
  octal(device[0], 329, 7, MAX_SMALL);
  octal(device[1], 337, 7, MAX_SMALL);
  let sum = 0;
  for (const byte of made) sum += byte;
  made.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return made;
}
