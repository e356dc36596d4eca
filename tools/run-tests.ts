/** Runs every suite, counts, and closes with one line that people and machines can read. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

interface Counts {
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

/** A program that passes or fails as a whole counts as one test. */
function whole(title: string, program: string, args: readonly string[]): Counts {
  heading(title);
  const { status } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function vitest(): Counts {
  heading("vitest");
  const directory = mkdtempSync(join(tmpdir(), "pyro-tests-"));
  const report = join(directory, "report.json");
  try {
    const args = [
      "--no-install",
      "vitest",
      "run",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ];
    const { status } = spawnSync("npx", args, { stdio: ["ignore", "inherit", "inherit"] });
    const counts = vitestReport.parse(JSON.parse(readFileSync(report, "utf8")));
    const broken = status !== 0 && counts.numFailedTests === 0 ? 1 : 0;
    return { passed: counts.numPassedTests, failed: counts.numFailedTests + broken, skipped: counts.numPendingTests };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function cargo(): Counts {
  heading("cargo test");
  const args = ["test", "--release", "--locked"];
  const { status, stdout, stderr } = spawnSync("cargo", args, {
    cwd: "guest/agent",
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  process.stdout.write(stdout);
  if (status !== 0) process.stdout.write(stderr);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, passed, failed, ignored] of stdout.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
    counts.skipped += Number(ignored);
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

function heading(title: string): void {
  process.stdout.write(`\n== ${title}\n`);
}

const all = [
  whole("biome", "npx", ["--no-install", "biome", "check", "."]),
  whole("tsc", "npx", ["--no-install", "tsc", "-p", "tsconfig.json", "--noEmit"]),
  cargo(),
  vitest(),
];
const sum = (pick: (counts: Counts) => number) => all.reduce((total, counts) => total + pick(counts), 0);
const failed = sum((counts) => counts.failed);
const skipped = sum((counts) => counts.skipped);
process.stdout.write(
  `\n${sum((counts) => counts.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
);
process.exitCode = failed === 0 ? 0 : 1;
