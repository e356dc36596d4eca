/** Writes `newc` cpio archives, the format of an initramfs. */

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
const FILE = 0o100000;
const DIRECTORY = 0o040000;
const CHARACTER_DEVICE = 0o020000;

/** One entry of an archive; paths are relative. */
export type CpioEntry =
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
      readonly kind: "character-device";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

/** The whole archive; equal entries give equal bytes. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => encode(entry, index + 1));
  return Buffer.concat([...parts, header(TRAILER, { links: 1 })]);
}

function encode(entry: CpioEntry, inode: number): Buffer[] {
  switch (entry.kind) {
    case "directory":
      return [header(entry.path, { inode, mode: DIRECTORY | entry.mode, links: 2 })];
    case "character-device": {
      const { major, minor } = entry;
      return [header(entry.path, { inode, mode: CHARACTER_DEVICE | entry.mode, links: 1, major, minor })];
    }
    case "file": {
      const size = entry.content.length;
      const head = header(entry.path, { inode, mode: FILE | entry.mode, links: 1, size });
      return [head, Buffer.from(entry.content), Buffer.alloc(paddingOf(size))];
    }
  }
}

interface Numbers {
  readonly inode?: number;
  readonly mode?: number;
  readonly links?: number;
  readonly size?: number;
  readonly major?: number;
  readonly minor?: number;
}

function header(path: string, numbers: Numbers): Buffer {
  const name = Buffer.from(`${path}\0`);
  const { inode = 0, mode = 0, links = 0, size = 0, major = 0, minor = 0 } = numbers;
  // inode, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length, 0];
  const text = MAGIC + fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  const head = Buffer.concat([Buffer.from(text), name]);
  return Buffer.concat([head, Buffer.alloc(paddingOf(head.length))]);
}

function paddingOf(length: number): number {
  return (4 - (length % 4)) % 4;
}
