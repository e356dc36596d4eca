/** What a figure is: one thing that is measured, in one file of `figures/`, listed in `figures/index.ts`. */
import type { BenchContext } from "./context.ts";

/** Repeated values of one quantity. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface Measurement {
  /** Values of the figure itself, in the figure's unit */
  readonly values: readonly number[];
  /** Quantities that were measured on the way, for reading the figure */
  readonly parts?: readonly Series[];
}

/** A bound on a figure's median: below it for times, above it for rates. */
export type Target = { readonly at_most: number } | { readonly at_least: number };

export interface Figure {
  /** Kebab-case, the same as the file's */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly target?: Target;
  /** Takes the values; throws `FigureSkipped` where this machine lacks what it needs. */
  measure(context: BenchContext): Promise<Measurement>;
}

/** A figure cannot be taken on this machine; the message says why. */
export class FigureSkipped extends Error {}
