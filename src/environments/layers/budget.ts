/** What is left of an image's limits while its layers are read. */
import type { LayerLimits } from "./limits.ts";
import { tooLarge } from "./problems.ts";

export class Budget {
  readonly limits: LayerLimits;
  #bytes = 0;
  #entries = 0;
  #described = 0;
  #steps = 0;

  constructor(limits: LayerLimits) {
    this.limits = limits;
  }

  takeBytes(count: number): void {
    this.#bytes += count;
    const limit = this.limits.total_bytes;
    if (this.#bytes > limit) throw tooLarge(`brings the image beyond ${limit} bytes uncompressed`, limit);
  }

  takeEntry(): void {
    this.#entries += 1;
    const limit = this.limits.entries;
    if (this.#entries > limit) throw tooLarge(`brings the image beyond ${limit} entries`, limit);
  }

  /** Names, targets and attributes */
  takeDescribed(count: number): void {
    this.#described += count;
    const limit = this.limits.described_bytes;
    if (this.#described > limit)
      throw tooLarge(`brings the image's names and attributes beyond ${limit} bytes together`, limit);
  }

  takeSteps(count: number): void {
    this.#steps += count;
    const limit = this.limits.steps;
    if (this.#steps > limit) throw tooLarge("has names that lead through too many others", limit);
  }
}
