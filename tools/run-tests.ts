/** Runs every suite, counts, and closes with one line that people and machines can read. */
import { spawnSync } from "node:child_process";
import { type Counts, closeWith, vitest } from "./test-counts.ts";

/** The real chat hosts are a suite of their own: `make test-hosts`. */
const projects = ["unit", "contract", "scenarios", "vm"];

/** A program that passes or fails as a whole counts as one test. */
function whole(title: string, program: string, args: readonly string[]): Counts {
  heading(title);
  const { status } = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"] });
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

function suites(): Counts {
  heading("vitest");
  return vitest(projects);
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

closeWith([
  whole("biome", "npx", ["--no-install", "biome", "check", "."]),
  whole("tsc", "npx", ["--no-install", "tsc", "-p", "tsconfig.json", "--noEmit"]),
  cargo(),
  suites(),
]);
