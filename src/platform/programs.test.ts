/** Host programs: where they are found, what they inherit, how they end. */
import { describe, expect, it } from "vitest";
import { findProgram, locateProgram, requirePrograms, runProgram } from "./programs.ts";

describe("programs of the host", () => {
  it("are found by absolute path, whatever PATH says", () => {
    const before = process.env["PATH"];
    process.env["PATH"] = "/tmp";
    try {
      expect(findProgram("flock")).toBe("/usr/bin/flock");
    } finally {
      process.env["PATH"] = before;
    }
  });

  it("are all named at once when missing, with the command that installs them", () => {
    const absent = (["mmdebstrap", "qemu-system-x86_64"] as const).filter((name) => locateProgram(name) === undefined);
    if (absent.length === 0) return expect(() => requirePrograms(["mmdebstrap"])).not.toThrow();
    expect(() => requirePrograms(absent)).toThrow(
      expect.objectContaining({ code: "host_program_missing", hint: expect.stringContaining("apt-get install") }),
    );
  });

  it("get a clean environment and a session of their own", async () => {
    process.env["LD_PRELOAD_TEST"] = "1";
    const { stdout } = await runProgram("/usr/bin/env", [], { env: { EXTRA: "yes" } });
    delete process.env["LD_PRELOAD_TEST"];
    expect(stdout).toContain("EXTRA=yes");
    expect(stdout).not.toMatch(/LD_PRELOAD|NODE_/);
    const session = await runProgram("/bin/sh", ["-c", "ps -o sid= -p $$; echo $$"]);
    const [sid, pid] = session.stdout.trim().split(/\s+/);
    expect(sid).toBe(pid);
  });

  it("read what they are given and answer with status, signal and capped output", async () => {
    const echoed = await runProgram("/bin/sh", ["-c", "cat; echo no >&2; exit 3"], { stdin: "hello" });
    expect(echoed).toEqual({ exit_code: 3, signal: null, stdout: "hello", stderr: "no\n" });
    const long = await runProgram("/bin/sh", ["-c", "yes | head -c 500000"], { max_output_bytes: 10 });
    expect(long.stdout).toBe("y\ny\ny\ny\ny\n");
    const ignored = await runProgram("/bin/true", [], { stdin: "x".repeat(1_000_000) });
    expect(ignored.exit_code).toBe(0);
  });

  it("die with all they started, on timeout and on abort", async () => {
    const started = Date.now();
    const timed = await runProgram("/bin/sh", ["-c", "sleep 61 & sleep 61"], { timeout_ms: 100 });
    expect(timed.signal).toBe("SIGKILL");
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 100);
    const run = runProgram("/bin/sh", ["-c", "sleep 61 & sleep 61"], { signal: abort.signal });
    await expect(run).rejects.toMatchObject({ code: "cancelled" });
    expect(Date.now() - started).toBeLessThan(5000);
  });

  it("that cannot be started are a typed error", async () => {
    await expect(runProgram("/nowhere/program", [])).rejects.toMatchObject({ code: "host_io_failed" });
  });
});
