/** Runs suites of vitest and counts, and the line of counts that people and machines can read. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const vitestReport = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  success: z.boolean(),
});

/** Runs the projects of that name, all of their files or those. */
export function vitest(projects: readonly string[], files: readonly string[] = []): Counts {
  const directory = mkdtempSync(join(tmpdir(), "pyro-tests-"));
  const report = join(directory, "report.json");
  try {
    const args = [
      "--no-install",
      "vitest",
      "run",
      ...projects.map((project) => `--project=${project}`),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...files,
    ];
    const { status } = spawnSync("npx", args, { stdio: ["ignore", "inherit", "inherit"] });
    const counts = vitestReport.parse(JSON.parse(readFileSync(report, "utf8")));
    const broken = status !== 0 && counts.numFailedTests === 0 ? 1 : 0;
    return { passed: counts.numPassedTests, failed: counts.numFailedTests + broken, skipped: counts.numPendingTests };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Prints the sum of all as the last line, and sets the exit status by it. */
export function closeWith(all: readonly Counts[]): void {
  const sum = (pick: (counts: Counts) => number) => all.reduce((total, counts) => total + pick(counts), 0);
  const failed = sum((counts) => counts.failed);
  const skipped = sum((counts) => counts.skipped);
  const more = skipped > 0 ? `, ${skipped} skipped` : "";
  process.stdout.write(`\n${sum((counts) => counts.passed)} passed, ${failed} failed${more}\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
