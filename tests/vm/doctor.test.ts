/** `pyro doctor` on this machine as it is, and on one that lacks what `run` needs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cli, pyroProgram } from "../support/cli.ts";
import { filesBelow } from "../support/leftovers.ts";

interface Examination {
  readonly healthy: boolean;
  readonly execution_mode: string | null;
  readonly capabilities: Record<string, string>;
  readonly checks: readonly { name: string; state: string; detail: string; remedy: string | null }[];
}

function without(program: string, home?: string): { status: number | null; report: Examination } {
  const script = `mount --bind /dev/null /usr/bin/${program}; exec ${pyroProgram} doctor --json`;
  const env = { ...process.env, ...(home !== undefined && { PYRO_HOME: home }) };
  const { status, stdout } = spawnSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8", env });
  return { status, report: JSON.parse(stdout) };
}

const stateOf = (report: Examination, name: string) => report.checks.find((check) => check.name === name)?.state;

describe("pyro doctor", () => {
  it("boots a guest, has it run a command, and shows the walls around it", async () => {
    expect(await cli(["run", "debian:12", "--", "true"])).toMatchObject({ status: 0 });
    const { status, stdout } = await cli(["doctor", "--json"]);
    const report: Examination = JSON.parse(stdout);
    expect(status).toBe(0);
    expect(report).toMatchObject({
      healthy: true,
      capabilities: { vm_boot: "ok", guest_exec: "ok", guest_network: "ok" },
    });
    expect(["guest_kvm", "guest_emulated"]).toContain(report.execution_mode);
    expect(report.checks.find(({ name }) => name === "cage")?.detail).toMatch(
      /net.*user.*seccomp filter.*no capabilities/,
    );
    for (const check of report.checks) expect(check.state === "ok" || check.remedy !== null).toBe(true);
  });

  it.runIf(process.getuid?.() === 0)("exits with 1 and names the remedy where run would fail", () => {
    const { status, report } = without("qemu-system-x86_64");
    expect([status, report.healthy]).toEqual([1, false]);
    expect(report.checks.find(({ name }) => name === "host programs")?.remedy).toContain("apt-get install");
  });

  it("asks the archive only where something has to be pulled, and exits with 1 where it does not answer", async () => {
    const home = mkdtempSync(join(tmpdir(), "pyro-test-"));
    const unreachable = { PYRO_HOME: home, PYRO_DEBIAN_MIRROR: "http://127.0.0.1:9/debian" };
    try {
      const { status, stdout } = await cli(["doctor", "--json"], { env: unreachable });
      expect([status, stateOf(JSON.parse(stdout), "archive")]).toEqual([1, "failed"]);
      const reached = await cli(["doctor", "--json"], { env: { PYRO_HOME: home } });
      expect(["ok", "failed"]).toContain(stateOf(JSON.parse(reached.stdout), "archive"));
      expect(filesBelow(join(home, "cache", "building"))).toEqual([]);
    } finally {
      rmSync(home, { recursive: true });
    }
  });

  it.runIf(process.getuid?.() === 0)("asks for what pulls need only where something has to be pulled", () => {
    const warm = without("mmdebstrap");
    expect([warm.status, stateOf(warm.report, "programs for pulls")]).toEqual([0, "warning"]);
    const home = mkdtempSync(join(tmpdir(), "pyro-test-"));
    try {
      const cold = without("mmdebstrap", home);
      expect([cold.status, stateOf(cold.report, "programs for pulls")]).toEqual([1, "failed"]);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
