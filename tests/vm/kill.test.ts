/** What is left of `pyro run` when it is killed, interrupted or loses its reader, at any moment: nothing. */
import { once } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { statePaths } from "../../src/store/paths.ts";
import { type CliResult, cli, finished, startCli } from "../support/cli.ts";
import { descendants, filesBelow, type ProcessIdentity, survivors, untilEmpty } from "../support/leftovers.ts";

const cache = statePaths().cache;
const sleeper = ["run", "debian:12", "--", "sh", "-c", "echo begun; sleep 300"];
/** From before the first child to the middle of the command, in milliseconds. */
const moments = [60, 120, 180, 240, 320, 450, 700, 1200, 2000, 3500, 6000];

describe("after the end of pyro run", () => {
  beforeAll(async () => {
    expect(await cli(["run", "debian:12", "--", "true"])).toMatchObject({ status: 0 });
  });

  it.each(moments)("kill -9 after %i ms leaves no process and no file within 2 s", async (moment) => {
    const before = filesBelow(cache);
    const child = startCli(sleeper);
    const seen = new Map<string, ProcessIdentity>();
    const until = performance.now() + moment;
    while (performance.now() < until) {
      for (const process of descendants(child.pid ?? 0)) seen.set(`${process.pid}/${process.start_time}`, process);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const process of descendants(child.pid ?? 0)) seen.set(`${process.pid}/${process.start_time}`, process);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await untilEmpty(() => survivors([...seen.values()]), 2000)).toEqual([]);
    expect(filesBelow(cache)).toEqual(before);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("%s ends it cleanly with status %i", async (signal, status) => {
    const child = startCli(sleeper);
    const end = finished(child);
    await begun(child, end);
    const processes = descendants(child.pid ?? 0);
    expect(processes.map(({ name }) => name)).toContain("bwrap");
    const at = performance.now();
    child.kill(signal);
    expect(await end).toMatchObject({ status, stdout: "begun\n", stderr: expect.stringContaining("pyro: cancelled:") });
    expect(performance.now() - at).toBeLessThan(2000);
    expect(await untilEmpty(() => survivors(processes), 1000)).toEqual([]);
  });

  it("a second SIGINT ends it at once", async () => {
    const child = startCli(sleeper);
    const end = finished(child);
    await begun(child, end);
    const processes = descendants(child.pid ?? 0);
    child.kill("SIGINT");
    child.kill("SIGINT");
    const { status, signal } = await end;
    expect(signal === "SIGINT" || status === 130).toBe(true);
    expect(await untilEmpty(() => survivors(processes), 2000)).toEqual([]);
  });

  it("a reader that goes away ends it", async () => {
    const child = startCli(["run", "debian:12", "--", "yes"]);
    const end = finished(child);
    await begun(child, end);
    const processes = descendants(child.pid ?? 0);
    child.stdout?.destroy();
    expect(await end).toMatchObject({ status: 141 });
    expect(await untilEmpty(() => survivors(processes), 1000)).toEqual([]);
  });
});

/** Waits for the first output; fails with what pyro said where it ends before that. */
async function begun(child: ReturnType<typeof startCli>, end: Promise<CliResult>): Promise<void> {
  const early = end.then(({ stderr }) => {
    throw new Error(`ended without output: ${stderr}`);
  });
  early.catch(() => {});
  if (child.stdout !== null) await Promise.race([once(child.stdout, "data"), early]);
}
