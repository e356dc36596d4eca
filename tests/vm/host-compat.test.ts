/** The cage of `--allow-host-compat`: the same promises as a machine, and walls between it and the host. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createEngine } from "../../src/engine.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import { runScenarios } from "../scenarios/run-scenarios.ts";
import { cli, finished, pyroProgram, startCli } from "../support/cli.ts";
import { descendants, survivors, untilEmpty } from "../support/leftovers.ts";

const pyro = methodsOver(createEngine());
const caged: PyroMethods = {
  ...pyro,
  runInVm: (input, options) => pyro.runInVm({ ...input, allow_host_compat: true }, options),
};
const shell = async (script: string) =>
  (await caged.runInVm({ environment: "debian:12", command: ["sh", "-c", script] })).stdout;

runScenarios("run in the host cage", () => ({ pyro: caged, environment: "debian:12", execution_mode: "host_compat" }));

describe("the host cage", () => {
  it("says what it is in the result and on stderr", async () => {
    const { stdout, stderr } = await cli([
      "run",
      "debian:12",
      "--allow-host-compat",
      "--",
      "cat",
      "/etc/debian_version",
    ]);
    expect(stdout).toMatch(/^12\./);
    expect(stderr).toContain("host_compat");
  });

  it("shows none of the host's files and takes nothing to them", async () => {
    const directory = mkdtempSync(join(homedir(), ".pyro-test-canary-"));
    writeFileSync(join(directory, "secret"), "canary");
    try {
      expect(
        await shell(`cat ${directory}/secret; cat ~/.ssh/* /etc/shadow- 2>/dev/null; touch ${directory}/mine; true`),
      ).toBe("");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("has no network, no capabilities, no privileges to gain, and processes of its own only", async () => {
    expect((await shell("ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1")).trim()).toBe(
      "lo",
    );
    const status = await shell("cat /proc/self/status");
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(Number(await shell("ls /proc | grep -c '^[0-9]'"))).toBeLessThan(20);
  });

  it("hands on no descriptor but the three of the command", async () => {
    expect((await shell("ls /proc/self/fd")).trim().split("\n")).toEqual(["0", "1", "2", "3"]);
  });

  it("ends with pyro, however that ends", async () => {
    const child = startCli([
      "run",
      "debian:12",
      "--allow-host-compat",
      "--",
      "sh",
      "-c",
      "echo begun; setsid sleep 300",
    ]);
    const end = finished(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const processes = descendants(child.pid ?? 0);
    expect(processes.map(({ name }) => name)).toEqual(expect.arrayContaining(["bwrap", "agent"]));
    child.kill("SIGKILL");
    await end;
    expect(await untilEmpty(() => survivors(processes), 2000)).toEqual([]);
  });

  it("is refused with a hint where bubblewrap cannot work, and so is a machine", () => {
    for (const flag of ["--allow-host-compat", "--quiet"]) {
      const script = `echo 0 > /proc/sys/user/max_user_namespaces; exec ${pyroProgram} run debian:12 ${flag} --json -- true`;
      const { stdout, status } = spawnSync("unshare", ["-Ur", "sh", "-c", script], { encoding: "utf8" });
      expect(status).toBe(125);
      expect(JSON.parse(stdout).error).toMatchObject({
        code: "cage_unavailable",
        hint: expect.stringContaining("user namespaces"),
      });
    }
  });
});
