/** What is left of programs in cages whose starter is killed while it starts them, at whatever moment: nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { packageRoot } from "../../src/platform/package-root.ts";
import { killProcess } from "../../src/platform/process-facts.ts";
import { locateProgram } from "../../src/platform/programs.ts";
import { bundle } from "../support/bundle.ts";
import { untilEmpty } from "../support/leftovers.ts";
import { patience } from "../support/patience.ts";
import { processesWith } from "../support/process-search.ts";

const agent = join(packageRoot(), "dist/guest/pyro-agent");
const bwrap = locateProgram("bwrap");
/** On every command line of this test, and on no other; a time that `sleep` takes beside its own. */
const token = `0.000${process.pid}`;
const STARTERS = 50;
const CAGES = 8;
/** From before the first cage is begun to where all are up */
const WINDOW_MS = 45;
let script = "";

beforeAll(async () => {
  script = await bundle("tests/support/start-cages.ts");
});
afterAll(() => {
  for (const pid of left()) killProcess(pid);
  rmSync(dirname(script), { recursive: true, force: true });
});

const left = () => processesWith(token);

/** Kills a starter at a moment of its own; tells how many processes it had by then, without itself. */
async function killedStarter(moment: number): Promise<number> {
  const starter = spawn(process.execPath, [script, agent, bwrap ?? "", String(CAGES), token]);
  await once(starter.stdout, "data");
  await delay(moment);
  const before = left().length - 1;
  starter.kill("SIGKILL");
  await once(starter, "exit");
  return before;
}

it.skipIf(bwrap === undefined)(`of ${STARTERS * CAGES} starts, each killed somewhere in between`, async () => {
  const seen: number[] = [];
  for (let turn = 0; turn < STARTERS; turn += 1) seen.push(await killedStarter((turn * WINDOW_MS) / STARTERS));
  expect(await untilEmpty(left, 2_000 * patience)).toEqual([]);
  // The moments are spread over the starts, or nothing was shown.
  expect(Math.max(...seen)).toBeGreaterThan(CAGES);
  expect(new Set(seen).size).toBeGreaterThan(5);
});
