/** Limits on waits, also where everything that is not held is collected meanwhile. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { expect, it } from "vitest";
import { bundle } from "../../tests/support/bundle.ts";
import { withDeadline } from "./deadline.ts";

const aborted = (signal: AbortSignal) =>
  new Promise<unknown>((resolve) => signal.addEventListener("abort", () => resolve(signal.reason), { once: true }));

it("aborts after its time, with its caller, and with a caller that has gone before", async () => {
  expect(await withDeadline(5, new AbortController().signal, aborted)).toMatchObject({ name: "TimeoutError" });
  expect(await withDeadline(5, undefined, aborted)).toMatchObject({ name: "TimeoutError" });
  const caller = new AbortController();
  const waiting = withDeadline(60_000, caller.signal, aborted);
  caller.abort("gone");
  expect(await waiting).toBe("gone");
  expect(await withDeadline(60_000, caller.signal, async (signal) => signal.reason)).toBe("gone");
});

it("gives what the act gives, and throws what it throws", async () => {
  expect(await withDeadline(60_000, undefined, async () => 1)).toBe(1);
  await expect(withDeadline(60_000, undefined, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});

it("fires where only a listener waits for it and memory is collected", async () => {
  const program = await bundle("tests/support/collected-deadline.ts");
  try {
    const options = { encoding: "utf8", timeout: 20_000 } as const;
    const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", program], options);
    expect([stdout, stderr]).toEqual(["TimeoutError\n", ""]);
  } finally {
    rmSync(dirname(program), { recursive: true });
  }
}, 30_000);
