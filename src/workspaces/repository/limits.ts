/** Most that a clone may take (docs/design/limits.md); the tree itself keeps to the limits of every seed. */

const MIB = 1_048_576;

export interface CloneLimits {
  /** The whole clone */
  readonly total_ms: number;
  readonly lookup_ms: number;
  readonly connect_ms: number;
  /** A connection without a byte */
  readonly idle_ms: number;
  /** Bytes of one list of refs */
  readonly refs_bytes: number;
  readonly pack_bytes: number;
  readonly pack_objects: number;
  /** Address space of each process that reads the pack */
  readonly memory_bytes: number;
}

export const cloneLimits: CloneLimits = {
  total_ms: 30 * 60_000,
  lookup_ms: 10_000,
  connect_ms: 15_000,
  idle_ms: 60_000,
  refs_bytes: 64 * MIB,
  pack_bytes: 2048 * MIB,
  pack_objects: 2_000_000,
  memory_bytes: 3072 * MIB,
};
