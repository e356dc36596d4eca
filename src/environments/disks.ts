/** Writable disks: files in QEMU's qcow2 format, made once per size and copied per machine. */
import { PyroError } from "../contract/errors.ts";
import { ioErrorFromText, namelessFile, type OpenFile } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import { findProgram, requirePrograms, runProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";

import { runGuarded, scratch } from "./guard.ts";
import { openSealed, publishSealed } from "./sealed.ts";

const BYTES_PER_GIB = 1_073_741_824;
const MAX_GIB = 16_384;
const BYTES_PER_MIB = 1_048_576;
/** What an unpacked tree takes beside the room of its members, in `MiB` */
const SPARE_MIB = 16;

/** What a disk file holds when it is new. */
export type DiskKind =
  /** An empty ext4 file system without a journal, for a machine that is thrown away */
  | "blank"
  /** The same with a journal, so that it is whole however the machine ends */
  | "journaled"
  /** Nothing: what lies below it shows through */
  | "layer";

/** Opens the new disk of that kind and size, making it where the cache has none. */
export async function openNewDisk(
  kind: DiskKind,
  sizeGib: number,
  paths: StatePaths,
  signal?: AbortSignal,
): Promise<OpenFile> {
  if (!Number.isInteger(sizeGib) || sizeGib < 1 || sizeGib > MAX_GIB)
    throw new PyroError("invalid_input", `${sizeGib} is not a disk size from 1 to ${MAX_GIB} GiB`);
  const path = paths.newDisk(kind, sizeGib);
  const cached = await openSealed(path, paths, signal);
  if (cached !== undefined) return cached;
  paths.prepareCache();
  return withLock(paths.lock(`disk-${kind}-${sizeGib}`), { signal }, async () => {
    return (await openSealed(path, paths, signal)) ?? make(kind, sizeGib, path, paths, signal);
  });
}

/** A nameless disk for one machine, gone when it is closed; a copy of the blank one. */
export async function diskForRun(sizeGib: number, paths: StatePaths, signal?: AbortSignal): Promise<OpenFile> {
  const blank = await openNewDisk("blank", sizeGib, paths, signal);
  try {
    const disk = namelessFile(paths.disks);
    try {
      disk.write(blank.readAll());
      return disk;
    } catch (thrown) {
      disk.close();
      throw thrown;
    }
  } finally {
    blank.close();
  }
}

/** A tree as a tar archive of our own making, whose members are root's. */
export interface TreeArchive {
  readonly file: OpenFile;
  /** Room that its members take together, in `bytes` */
  readonly unpacked_bytes: number;
}

/** The tree lies in a directory of the guard's for a moment: mke2fs takes a directory alone. */
const fillScript = `
build() {
  local at=$1; shift
  mkdir -m 0755 tree "tree/$at" || return 1
  tar --extract --file /proc/self/fd/4 --directory "tree/$at" --preserve-permissions || return 1
  mke2fs "$@" -d tree /proc/self/fd/3
}
`;

/** Writes a disk with a journal, whose directory `directory` is that tree, into an empty file. Nothing is made durable. */
export async function fillDisk(
  archive: TreeArchive,
  directory: string,
  disk: OpenFile,
  sizeGib: number,
  paths: StatePaths,
  signal: AbortSignal,
): Promise<void> {
  requirePrograms(["mke2fs", "qemu-img", "tar"]);
  const room = scratch(Math.ceil(archive.unpacked_bytes / BYTES_PER_MIB) + SPARE_MIB, paths);
  const mke2fs = async (options: readonly string[], raw: OpenFile) => {
    const fds = [raw.fd, archive.file.fd];
    const build = { script: fillScript, args: [directory, ...options], fds, ...room, signal };
    const { exit_code, log } = await runGuarded(build);
    if (exit_code !== 0) throw ioErrorFromText(log.join("\n"), "make the disk", disk.path);
  };
  await makeFileSystem("journaled", { disk, sizeGib, path: disk.path, mke2fs }, paths, signal);
}

interface NewFileSystem {
  /** Takes the disk */
  readonly disk: OpenFile;
  readonly sizeGib: number;
  /** For messages */
  readonly path: string;
  mke2fs(options: readonly string[], raw: OpenFile): Promise<void>;
}

async function make(
  kind: DiskKind,
  sizeGib: number,
  path: string,
  paths: StatePaths,
  signal?: AbortSignal,
): Promise<OpenFile> {
  requirePrograms(["mke2fs", "qemu-img"]);
  const disk = namelessFile(paths.disks);
  try {
    if (kind === "layer") {
      const create = ["create", "-q", "-f", "qcow2", "/proc/self/fd/3", `${sizeGib}G`];
      await run("qemu-img", create, [disk.fd], path, signal);
    } else {
      const mke2fs = (options: readonly string[], raw: OpenFile) =>
        run("mke2fs", [...options, "/proc/self/fd/3"], [raw.fd], path, signal);
      await makeFileSystem(kind, { disk, sizeGib, path, mke2fs }, paths, signal);
    }
    return await publishSealed(disk, path, paths);
  } finally {
    disk.close();
  }
}

async function makeFileSystem(
  kind: "blank" | "journaled",
  { disk, sizeGib, path, mke2fs }: NewFileSystem,
  paths: StatePaths,
  signal: AbortSignal | undefined,
): Promise<void> {
  const raw = namelessFile(paths.disks);
  try {
    raw.truncate(sizeGib * BYTES_PER_GIB);
    await format(kind, (options) => mke2fs(options, raw));
    const convert = ["convert", "-f", "raw", "-O", "qcow2", "/proc/self/fd/3", "/proc/self/fd/4"];
    await run("qemu-img", convert, [raw.fd, disk.fd], path, signal);
  } finally {
    raw.close();
  }
}

/** The file is all holes, so that no inode table needs zeroing: not here, and not later by the guest's kernel. */
async function format(
  kind: "blank" | "journaled",
  mke2fs: (options: readonly string[]) => Promise<void>,
): Promise<void> {
  const journal = kind === "blank" ? "^has_journal" : "has_journal";
  const options = (zeroing: string): string[] => [
    ...["-q", "-F", "-t", "ext4", "-O", journal, "-m", "0", "-L", "pyro", "-O", "^resize_inode", "-G", "256"],
    ...["-E", `${zeroing},lazy_journal_init=1,nodiscard,root_owner=0:0`],
  ];
  try {
    await mke2fs(options("assume_storage_prezeroed=1"));
  } catch (thrown) {
    // mke2fs before 1.47 has no such option and writes the zeros.
    if (!(thrown instanceof PyroError) || !/Bad option/i.test(thrown.message)) throw thrown;
    await mke2fs(options("lazy_itable_init=0"));
  }
}

async function run(
  name: "mke2fs" | "qemu-img",
  args: readonly string[],
  fds: readonly number[],
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const result = await runProgram(findProgram(name), args, { fds, ...(signal && { signal }), timeout_ms: 120_000 });
  if (result.exit_code !== 0) throw ioErrorFromText(`${name}: ${result.stderr}`, "make the disk", path);
}
