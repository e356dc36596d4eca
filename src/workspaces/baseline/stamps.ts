/** What the guest said of each seeded path right after seeding, by which a diff tells what it need not fetch. */
import { z } from "zod";
import { PyroError } from "../../contract/errors.ts";
import { baselineFiles } from "../../store/paths.ts";
import { readSealed, writeSealed } from "./sealed-document.ts";

/** The guest's word on one path. It is only compared with the guest's later word, never believed. */
export interface GuestStamp {
  readonly size: string;
  readonly mtime_ns: string;
  readonly ctime_ns: string;
  readonly inode: string;
}

/** What the guest said of a seeded tree. */
export interface SeedStamps {
  readonly stamps: ReadonlyMap<string, GuestStamp>;
  /** Digests of its directories at that time, by path; the empty path is the tree itself */
  readonly digests: ReadonlyMap<string, string>;
}

const column = z.array(z.string());

const stampsDocument = z
  .strictObject({
    schema_version: z.literal(1),
    paths: column,
    size: column,
    mtime_ns: column,
    ctime_ns: column,
    inode: column,
    directories: column,
    digests: column,
  })
  .refine(
    ({ paths, size, mtime_ns, ctime_ns, inode, directories, digests }) =>
      [size, mtime_ns, ctime_ns, inode].every(({ length }) => length === paths.length) &&
      directories.length === digests.length,
    { error: "columns of different length" },
  );

/** Writes the stamps beside a baseline, or replaces them in one step. */
export function writeStamps(directory: string, { stamps, digests }: SeedStamps): void {
  const values = [...stamps.values()];
  writeSealed(baselineFiles(directory).stamps, {
    schema_version: 1,
    paths: [...stamps.keys()],
    size: values.map(({ size }) => size),
    mtime_ns: values.map(({ mtime_ns }) => mtime_ns),
    ctime_ns: values.map(({ ctime_ns }) => ctime_ns),
    inode: values.map(({ inode }) => inode),
    directories: [...digests.keys()],
    digests: [...digests.values()],
  });
}

/** Reads them; undefined where there are none, `baseline_damaged` where they are not whole. */
export function readStamps(directory: string): SeedStamps | undefined {
  const path = baselineFiles(directory).stamps;
  const record = readSealed(path, stampsDocument);
  if (record.state === "absent") return undefined;
  if (record.state === "damaged")
    throw new PyroError("baseline_damaged", `"${path}": ${record.reason}`, { details: { path } });
  const { paths, size, mtime_ns, ctime_ns, inode, directories, digests } = record.value;
  const at = (values: readonly string[], index: number) => values[index] ?? "";
  const stampAt = (index: number): GuestStamp => ({
    size: at(size, index),
    mtime_ns: at(mtime_ns, index),
    ctime_ns: at(ctime_ns, index),
    inode: at(inode, index),
  });
  return {
    stamps: new Map(paths.map((name, index) => [name, stampAt(index)])),
    digests: new Map(directories.map((name, index) => [name, at(digests, index)])),
  };
}
