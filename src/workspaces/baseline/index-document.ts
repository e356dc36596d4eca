/** The index of a baseline on disk: columns, so that fifty thousand entries are read in a fraction of a second. */
import { z } from "zod";
import type { EntryKind, TreeEntry } from "../../contract/tree.ts";

const HASH_CHARS = 64;

/** An entry of a baseline: what was seeded, and where its content is kept. */
export interface BaselineEntry extends TreeEntry {
  /** Hex SHA-256 of a file's content; null for the others */
  readonly sha256: string | null;
  /** Where a file's content begins in the pack; 0 for the others */
  readonly offset: number;
}

const letterOf = { file: "f", directory: "d", symlink: "l" } as const satisfies Record<EntryKind, string>;
const kindOf: Readonly<Record<string, EntryKind>> = { f: "file", d: "directory", l: "symlink" };

const isNatural = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
// One check for a column: a schema for each of its values takes longer than reading them.
const natural = z.custom<number[]>((column) => Array.isArray(column) && column.every(isNatural), {
  error: "not a column of whole numbers",
});
const texts = z.custom<string[]>(
  (column) => Array.isArray(column) && column.every((value) => typeof value === "string"),
  { error: "not a column of texts" },
);

/** Columns of equal length; `targets` has one for each symlink and `sha256` one hash for each file, in order. */
export const indexDocument = z
  .strictObject({
    schema_version: z.literal(1),
    pack_bytes: z.int().nonnegative(),
    kinds: z.string().regex(/^[fdl]*$/),
    paths: texts,
    modes: natural,
    sizes: natural,
    offsets: natural,
    targets: texts,
    sha256: z.string().regex(/^[0-9a-f]*$/),
  })
  .refine(isEven, { error: "columns of different length" });

export type IndexDocument = z.infer<typeof indexDocument>;

function isEven(index: {
  kinds: string;
  paths: readonly string[];
  modes: readonly number[];
  sizes: readonly number[];
  offsets: readonly number[];
  targets: readonly string[];
  sha256: string;
}): boolean {
  const files = index.kinds.replace(/[dl]/g, "").length;
  const links = index.kinds.replace(/[fd]/g, "").length;
  const columns = [index.paths, index.modes, index.sizes, index.offsets];
  const isFilled = columns.every((column) => column.length === index.kinds.length);
  return isFilled && index.targets.length === links && index.sha256.length === files * HASH_CHARS;
}

/** The document of these entries. */
export function indexOf(entries: readonly BaselineEntry[], pack_bytes: number): IndexDocument {
  return {
    schema_version: 1,
    pack_bytes,
    kinds: entries.map(({ kind }) => letterOf[kind]).join(""),
    paths: entries.map(({ path }) => path),
    modes: entries.map(({ mode }) => mode),
    sizes: entries.map(({ size_bytes }) => size_bytes),
    offsets: entries.map(({ offset }) => offset),
    targets: entries.flatMap(({ link_target }) => (link_target === null ? [] : [link_target])),
    sha256: entries.map(({ sha256 }) => sha256 ?? "").join(""),
  };
}

/** The entries of a document. */
export function entriesOf(index: IndexDocument): BaselineEntry[] {
  const { kinds, paths, modes, sizes, offsets, targets, sha256 } = index;
  let [files, links] = [0, 0];
  return paths.map((path, at) => {
    const kind = kindOf[kinds.charAt(at)] ?? "file";
    const isFile = kind === "file";
    if (isFile) files += 1;
    return {
      path,
      kind,
      mode: modes[at] ?? 0,
      size_bytes: sizes[at] ?? 0,
      link_target: kind === "symlink" ? (targets[links++] ?? "") : null,
      sha256: isFile ? sha256.slice((files - 1) * HASH_CHARS, files * HASH_CHARS) : null,
      offset: isFile ? (offsets[at] ?? 0) : 0,
    };
  });
}
