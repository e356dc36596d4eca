/** A large transfer, repeated: the unit of both throughput figures. */
import type { BenchContext } from "./context.ts";
import type { Measurement } from "./figure.ts";
import { elapsedMs, repeat } from "./timing.ts";

/** One transfer is `BLOCKS` blocks of `BLOCK_BYTES`: 256 MiB. */
export const BLOCK_BYTES = 65_536;
export const BLOCKS = 4096;

const TRANSFERS = 5;
const BYTES_PER_MB = 1_000_000;

/** Rates of a transfer in MB/s, after one that does not count. */
export async function transferRates(context: BenchContext, transfer: () => Promise<void>): Promise<Measurement> {
  const rate = async () => (BLOCKS * BLOCK_BYTES) / BYTES_PER_MB / ((await elapsedMs(transfer)) / 1000);
  await rate();
  return { values: await repeat(TRANSFERS, context.signal, rate) };
}
