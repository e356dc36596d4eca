/** Takes figures one after the other, and what `results.json` says of them. */
import { toPyroError } from "../src/contract/errors.ts";
import type { BenchContext } from "./context.ts";
import { type Figure, FigureSkipped, type Series, type Target } from "./figure.ts";
import { type Summary, summarize } from "./statistics.ts";

export interface PartResult extends Summary {
  readonly name: string;
  readonly unit: string;
}

/** One figure's outcome; `state` says which of the rest is there. */
export type FigureResult = { readonly name: string; readonly title: string; readonly unit: string } & (
  | ({ readonly state: "taken"; readonly target?: TargetResult; readonly parts: readonly PartResult[] } & Summary)
  | { readonly state: "skipped" | "failed"; readonly reason: string }
);

export type TargetResult = Target & { readonly met: boolean };

/** Takes one figure; only cancelling makes it throw. */
export async function take(figure: Figure, context: BenchContext): Promise<FigureResult> {
  const { name, title, unit, target } = figure;
  try {
    const { values, parts = [] } = await figure.measure(context);
    const summary = summarize(values);
    return {
      name,
      title,
      unit,
      state: "taken",
      ...summary,
      ...(target === undefined ? {} : { target: { ...target, met: isMet(target, summary.median) } }),
      parts: parts.map(summarizePart),
    };
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    const state = thrown instanceof FigureSkipped ? "skipped" : "failed";
    const reason = toPyroError(thrown).message;
    return { name, title, unit, state, reason };
  }
}

function isMet(target: Target, median: number): boolean {
  return "at_most" in target ? median <= target.at_most : median >= target.at_least;
}

function summarizePart({ name, unit, values }: Series): PartResult {
  return { name, unit, ...summarize(values) };
}
