/** What an image may be at most. */

const MIB = 1_048_576;
const GIB = 1024 * MIB;

/** Bounds of one build; tests set lower ones. */
export interface LayerLimits {
  readonly layers: number;
  /** All layers uncompressed; and, apart from that, all files of the merged tree with their holes */
  readonly total_bytes: number;
  /** A layer may have so many times its compressed size, and `spare_bytes` more */
  readonly ratio: number;
  readonly spare_bytes: number;
  /** Entries of all layers, and directories that they imply */
  readonly entries: number;
  /** Names, targets and attributes of all entries */
  readonly described_bytes: number;
  /** Names that are walked through to find where entries belong, symlinks and what they lead through included */
  readonly steps: number;
}

export const layerLimits: LayerLimits = {
  layers: 500,
  total_bytes: 64 * GIB,
  ratio: 200,
  spare_bytes: 64 * MIB,
  entries: 2_000_000,
  described_bytes: 256 * MIB,
  steps: 100_000_000,
};

/** A path from the root, with the slashes in it */
export const MAX_PATH_BYTES = 4096;
/** Linux' own bound on a name, a symlink's target, and symlinks on the way of one path */
export const MAX_NAME_BYTES = 255;
export const MAX_TARGET_BYTES = 4095;
export const MAX_SYMLINKS = 40;
/** One pax header, long name or map of a sparse file */
export const MAX_EXTENSION_BYTES = MIB;
export const MAX_SPARSE_PARTS = 131_072;
/** Owners and groups that differ: a squashfs image has a table of 16 bits */
export const MAX_IDS = 65_535;
