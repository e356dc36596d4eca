/** `make bench`: takes the figures, prints them as a table, and writes `bench/results.json`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { toPyroError } from "../src/contract/errors.ts";
import { packageRoot } from "../src/platform/package-root.ts";
import { onInterruption } from "../src/platform/signals.ts";
import { BenchContext } from "./context.ts";
import type { Figure } from "./figure.ts";
import { figures } from "./figures/index.ts";
import { type BenchHost, benchHost } from "./host.ts";
import { type FigureResult, take } from "./results.ts";
import { tableHead, tableRows } from "./table.ts";

const DEFAULT_RUNS = 20;
const USAGE = `usage: node dist/bench/main.js [--runs N] [--only NAME]...

  --runs N     boots per figure that boots a machine, ${DEFAULT_RUNS} by default
  --only NAME  take this figure only, and write no file: ${figures.map(({ name }) => name).join(", ")}
`;

interface Choice {
  readonly runs: number;
  readonly chosen: readonly Figure[];
}

/** What the arguments ask for; undefined where they make no sense. */
function choice(args: string[]): Choice | undefined {
  try {
    const options = { runs: { type: "string" }, only: { type: "string", multiple: true } } as const;
    const { values } = parseArgs({ args, options });
    const runs = Number(values.runs ?? DEFAULT_RUNS);
    const only = values.only ?? figures.map(({ name }) => name);
    const known = only.every((name) => figures.some((figure) => figure.name === name));
    if (!Number.isInteger(runs) || runs < 1 || !known) return undefined;
    return { runs, chosen: figures.filter(({ name }) => only.includes(name)) };
  } catch {
    return undefined;
  }
}

/** Takes the chosen figures; true where none failed. */
async function bench({ runs, chosen }: Choice, signal: AbortSignal): Promise<boolean> {
  const context = new BenchContext({ runs, signal });
  await context.prepare();
  const host = await benchHost(context);
  const { cpu_count, cpu_model, kernel, qemu_version, execution_mode, load_at_start } = host;
  const mode = `QEMU ${qemu_version}, ${execution_mode}, load ${load_at_start.toFixed(2)}`;
  process.stdout.write(`${cpu_count} × ${cpu_model}, Linux ${kernel}, ${mode}\n\n${tableHead}`);
  const results: FigureResult[] = [];
  for (const figure of chosen) {
    const result = await take(figure, context);
    process.stdout.write(tableRows(result));
    results.push(result);
  }
  if (chosen.length === figures.length) save(host, context.environment, results);
  return results.every(({ state }) => state !== "failed");
}

function save(host: BenchHost, environment: string, results: readonly FigureResult[]): void {
  const document = { schema_version: 1, date: new Date().toISOString(), host, environment, figures: results };
  const rounded = JSON.stringify(document, (_, value) => (typeof value === "number" ? round(value) : value), 2);
  writeFileSync(join(packageRoot(), "bench", "results.json"), `${rounded}\n`);
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

async function main(): Promise<number> {
  const chosen = choice(process.argv.slice(2));
  if (chosen === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const interruption = onInterruption();
  try {
    return (await bench(chosen, interruption.signal)) ? 0 : 1;
  } catch (thrown) {
    const status = interruption.status();
    process.stderr.write(`bench: ${status === undefined ? toPyroError(thrown).message : "interrupted"}\n`);
    return status ?? 1;
  }
}

process.exit(await main());
