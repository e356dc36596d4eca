/** Writable disks: files in QEMU's qcow2 format, made once per size and copied per machine. */
import { PyroError } from "../contract/errors.ts";
import { ioErrorFromText, namelessFile, type OpenFile } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import { findProgram, requirePrograms, runProgram } from "../platform/programs.ts";
import type { StatePaths } from "../store/paths.ts";
import { openSealed, publishSealed } from "./sealed.ts";

const BYTES_PER_GIB = 1_073_741_824;
const MAX_GIB = 16_384;

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
      await makeFileSystem(kind, sizeGib, disk, path, paths, signal);
    }
    return await publishSealed(disk, path, paths);
  } finally {
    disk.close();
  }
}

async function makeFileSystem(
  kind: "blank" | "journaled",
  sizeGib: number,
  disk: OpenFile,
  path: string,
  paths: StatePaths,
  signal?: AbortSignal,
): Promise<void> {
  const raw = namelessFile(paths.disks);
  try {
    raw.truncate(sizeGib * BYTES_PER_GIB);
    await format(kind, raw, path, signal);
    const convert = ["convert", "-f", "raw", "-O", "qcow2", "/proc/self/fd/3", "/proc/self/fd/4"];
    await run("qemu-img", convert, [raw.fd, disk.fd], path, signal);
  } finally {
    raw.close();
  }
}

/** The file is all holes, so that no inode table needs zeroing: not here, and not later by the guest's kernel. */
async function format(
  kind: "blank" | "journaled",
  raw: OpenFile,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const journal = kind === "blank" ? "^has_journal" : "has_journal";
  const args = (zeroing: string): string[] => [
    ...["-q", "-F", "-t", "ext4", "-O", journal, "-m", "0", "-L", "pyro", "-O", "^resize_inode", "-G", "256"],
    ...["-E", `${zeroing},lazy_journal_init=1,nodiscard,root_owner=0:0`, "/proc/self/fd/3"],
  ];
  try {
    await run("mke2fs", args("assume_storage_prezeroed=1"), [raw.fd], path, signal);
  } catch (thrown) {
    // mke2fs before 1.47 has no such option and writes the zeros.
    if (!(thrown instanceof PyroError) || !/Bad option/i.test(thrown.message)) throw thrown;
    await run("mke2fs", args("lazy_itable_init=0"), [raw.fd], path, signal);
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
