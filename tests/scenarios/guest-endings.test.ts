/** Whatever a guest does to its HTTP/2, the process of its host goes on. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import { bundle } from "../support/bundle.ts";

/** Ends in a few seconds; one that holds its process up never does. */
const DEADLINE_MS = 30_000;

it("neither holds up nor ends the process of its host, however it ends its streams and its connection", async () => {
  const program = await bundle("tests/support/guest-endings.ts");
  try {
    const { stdout, stderr } = spawnSync(process.execPath, [program], {
      encoding: "utf8",
      timeout: DEADLINE_MS,
      killSignal: "SIGKILL",
    });
    const endings = stdout.trimEnd().split("\n");
    expect([endings.at(-1), stderr]).toEqual(["WENT ON", ""]);
    expect(endings.length).toBeGreaterThan(500);
  } finally {
    rmSync(dirname(program), { recursive: true });
  }
});
