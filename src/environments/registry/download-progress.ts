/** How far a download of several layers is: bytes, layers, rate and time left, told a few times a second. */
import type { Emit } from "../../contract/progress.ts";

/** Shortest time between two events, and what a rate is measured over, in milliseconds. */
const TELL_MS = 100;
const RATE_WINDOW_MS = 5_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

export interface DownloadTotals {
  readonly bytes: number;
  readonly layers: number;
  /** What is downloaded, as messages name it */
  readonly name: string;
}

export class DownloadProgress {
  readonly #totals: DownloadTotals;
  readonly #emit: Emit | undefined;
  readonly #clock: () => number;
  #done = 0;
  #layers = 0;
  /** Bytes that came over the network */
  #moved = 0;
  #told = Number.NEGATIVE_INFINITY;
  #samples: Sample[] = [];

  constructor(totals: DownloadTotals, emit: Emit | undefined, clock: () => number) {
    this.#totals = totals;
    this.#emit = emit;
    this.#clock = clock;
    this.#samples.push({ at: clock(), bytes: 0 });
  }

  /** Bytes that were there before. */
  had(bytes: number): void {
    this.#done += bytes;
    this.#tell();
  }

  /** Bytes that have come. */
  moved(bytes: number): void {
    this.#done += bytes;
    this.#moved += bytes;
    this.#tell();
  }

  /** Bytes that turned out to be of no use. */
  lost(bytes: number): void {
    this.#done -= bytes;
  }

  layerDone(): void {
    this.#layers += 1;
    this.#told = Number.NEGATIVE_INFINITY;
    this.#tell();
  }

  get moved_bytes(): number {
    return this.#moved;
  }

  #tell(): void {
    const at = this.#clock();
    if (at - this.#told < TELL_MS) return;
    this.#told = at;
    this.#samples.push({ at, bytes: this.#moved });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) > RATE_WINDOW_MS) this.#samples.shift();
    void this.#emit?.({
      type: "progress",
      stage: "downloading",
      message: `Downloading ${this.#totals.name}`,
      done: this.#done,
      total: this.#totals.bytes,
      unit: "bytes",
      layers_done: this.#layers,
      layers_total: this.#totals.layers,
      ...this.#pace(),
    });
  }

  #pace(): { bytes_per_second?: number; seconds_left?: number } {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.bytes === first.bytes || last.at === first.at) return {};
    const bytes_per_second = ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
    return { bytes_per_second, seconds_left: Math.max(0, this.#totals.bytes - this.#done) / bytes_per_second };
  }
}
