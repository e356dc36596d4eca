/** Prints figures as lines of a table, each as soon as it is taken. */
import type { FigureResult, TargetResult } from "./results.ts";
import type { Summary } from "./statistics.ts";

const NAME_COLUMNS = 48;
const NUMBER_COLUMNS = 10;

/** The line above all figures. */
export const tableHead: string = row("", "unit", ["n", "min", "median", "p95", "max"], "target");

/** The lines of one figure. */
export function tableRows(result: FigureResult): string {
  if (result.state !== "taken") return `${result.title.padEnd(NAME_COLUMNS)} ${result.state}: ${result.reason}\n`;
  const parts = result.parts.map((part) => row(`  ${part.name}`, part.unit, numbers(part), ""));
  return [row(result.title, result.unit, numbers(result), verdict(result.target)), ...parts].join("");
}

function row(name: string, unit: string, columns: readonly string[], target: string): string {
  const cells = columns.map((column) => column.padStart(NUMBER_COLUMNS)).join("");
  return `${name.padEnd(NAME_COLUMNS)} ${unit.padEnd(5)}${cells}  ${target}`.trimEnd().concat("\n");
}

function numbers({ n, min, median, p95, max }: Summary): string[] {
  return [String(n), ...[min, median, p95, max].map(threeDigits)];
}

/** At least three significant digits. */
function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value.toFixed(value >= 10 ? 1 : 2);
}

function verdict(target: TargetResult | undefined): string {
  if (target === undefined) return "";
  const bound = "at_most" in target ? `≤ ${target.at_most}` : `≥ ${target.at_least}`;
  return `${bound} ${target.met ? "met" : "MISSED"}`;
}
