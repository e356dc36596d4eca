/** What a guest may do to itself: a command says how it ended, and a reset brings all of it back. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Pyro } from "../../src/sdk/pyro.ts";
import { copiedHome, ENVIRONMENT } from "../support/copied-home.ts";
import { patience } from "../support/patience.ts";

let scratch = "";
let pyro: Pyro;
let workspace_id = "";

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-hostile-"));
  process.env["PYRO_HOME"] = (await copiedHome(scratch)).data;
  const seed = join(scratch, "seed");
  mkdirSync(seed);
  writeFileSync(join(seed, "kept"), "kept\n");
  pyro = new Pyro();
  ({ workspace_id } = await pyro.createWorkspace({ environment: ENVIRONMENT, seed_path: seed }));
});
afterAll(async () => {
  await pyro.deleteWorkspace({ workspace_id });
  rmSync(scratch, { recursive: true, force: true });
});

const run = (script: string, timeout_seconds = 5 * patience) =>
  pyro.execWorkspace({ workspace_id, command: ["bash", "-c", script], timeout_seconds });

/** After everything that follows, a reset gives what was seeded, on a root that can be used. */
afterEach(async () => {
  await pyro.resetWorkspace({ workspace_id });
  expect(await pyro.diffWorkspace({ workspace_id })).toMatchObject({ entry_count: 0, not_in_patch_count: 0 });
  const { stdout } = await run("cat kept; touch /usr/local/x && echo writable; ls /tmp; git --version");
  expect(stdout).toMatch(/^kept\nwritable\ngit version/);
});

describe("a guest", () => {
  it("whose kernel panics is lost, says why, and starts again on its disk", async () => {
    await run("echo written >/workspace/before; sync");
    const lost = run("echo c >/proc/sysrq-trigger; sleep 60");
    await expect(lost).rejects.toMatchObject({ code: "guest_lost", hint: `pyro workspace start ${workspace_id}` });
    const failed = { state: "failed", failure: { code: "guest_lost", message: expect.stringContaining("panic") } };
    expect(await pyro.statusWorkspace({ workspace_id })).toMatchObject(failed);
    const [, last] = (await pyro.logsWorkspace({ workspace_id })).commands;
    expect(last).toMatchObject({ state: "finished", outcome_kind: "guest_lost" });
    await pyro.startWorkspace({ workspace_id });
    expect((await run("cat /workspace/before")).stdout).toBe("written\n");
  });

  it("that forks without end is stopped at its time, and answers", async () => {
    const bomb = await run(":(){ :|:& };:; sleep 60");
    expect(bomb.outcome?.kind).toBe("timeout");
    expect((await run("echo alive")).stdout).toBe("alive\n");
  });

  it.each([
    ["removes its root", "rm -rf --no-preserve-root / 2>/dev/null"],
    ["takes away its workspace's mode and mounts over it", "chmod 000 /workspace; mount -t tmpfs none /workspace"],
    ["makes its root read-only", "mount -o remount,ro /"],
    ["kills and stops its first process", "kill -9 1; kill -STOP 1"],
    [
      "removes what was seeded, and puts something else there",
      "rm -rf /workspace/*; mkdir /workspace/kept; touch /tmp/x",
    ],
  ])("that %s has an end", async (_, script) => {
    expect((await run(script)).state).toBe("finished");
  });
});
