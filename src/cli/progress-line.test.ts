/** What long work says while it runs: progress once for each stage, and notices and warnings in lines of their own. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../tests/support/bundle.ts";
import type { NoticeEvent, ProgressEvent, WarningEvent } from "../contract/progress.ts";
import { amount } from "./progress-line.ts";

let program: string;
beforeAll(async () => {
  program = await bundle("tests/support/show-events.ts");
}, 30_000);
afterAll(() => rmSync(dirname(program), { recursive: true }));

/** What a process that shows these events prints on standard error, which is no terminal. */
function shown(mode: "plain" | "silent", ...events: readonly (ProgressEvent | NoticeEvent | WarningEvent)[]): string {
  const args = [program, mode, ...events.map((event) => JSON.stringify(event))];
  return spawnSync(process.execPath, args, { encoding: "utf8" }).stderr;
}

const notice = { type: "notice", message: "debian:12 is warm" } as const;
const warning = { type: "warning", message: "the VM boots" } as const;
const stage = (name: string, message: string) => ({ type: "progress", stage: name, message }) as const;

describe("without a terminal", () => {
  it("shows the first message of each stage", () => {
    const events = [stage("pull", "Downloading"), stage("pull", "Downloading more"), stage("template", "Booting once")];
    expect(shown("plain", ...events)).toBe("pyro: Downloading\npyro: Booting once\n");
  });

  it("shows every notice and every warning, whatever the stage", () => {
    const events = [stage("template", "Booting once"), notice, warning, notice];
    const lines = ["Booting once", "debian:12 is warm", "the VM boots", "debian:12 is warm"];
    expect(shown("plain", ...events)).toBe(lines.map((line) => `pyro: ${line}\n`).join(""));
  });

  it("shows warnings alone where it is to be quiet", () => {
    expect(shown("silent", stage("template", "Booting once"), notice, warning)).toBe("pyro: the VM boots\n");
  });
});

describe("a download", () => {
  const event = { ...stage("downloading", "Downloading a"), unit: "bytes", layers_done: 3, layers_total: 7 } as const;

  it.each([
    [
      { done: 12.3 * 1_048_576, total: 50 * 1_048_576, bytes_per_second: 4.1 * 1_048_576, seconds_left: 8.2 },
      ": 12.3 MiB of 50.0 MiB, 3 of 7 layers, 4.1 MiB/s, 9 s left",
    ],
    [{ done: 0, total: 10 }, ": 0 B of 10 B, 3 of 7 layers"],
    [
      { done: 5, total: 10, bytes_per_second: 0.3, seconds_left: 600 },
      ": 5 B of 10 B, 3 of 7 layers, 0 B/s, 10 min left",
    ],
  ])("says bytes, layers, rate and time left: %j", (fields, text) => {
    expect(amount({ ...event, ...fields })).toBe(text);
  });
});
