/** What `run` promises, written once: each machine that a suite is given must keep all of it. */
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { OperationEvent } from "../../src/contract/progress.ts";
import type { PyroMethods } from "../../src/sdk/pyro.ts";

export interface ScenarioMachine {
  readonly pyro: PyroMethods;
  readonly environment: string;
  readonly execution_mode: string;
}

const shell = (script: string) => ["sh", "-c", script];

/** Registers the scenarios for one machine. */
export function runScenarios(title: string, machine: () => ScenarioMachine): void {
  const run = (
    command: string[],
    more: Record<string, unknown> = {},
    options: Parameters<PyroMethods["runInVm"]>[1] = {},
  ) => machine().pyro.runInVm({ environment: machine().environment, command, ...more }, options);

  describe(title, () => {
    it("passes on output, exit code and execution mode", async () => {
      const result = await run(shell("echo out; echo err >&2; exit 7"));
      expect(result).toMatchObject({
        stdout: "out\n",
        stderr: "err\n",
        exit_code: 7,
        timed_out: false,
        truncated: false,
      });
      expect(result).toMatchObject({ execution_mode: machine().execution_mode, network_enabled: false });
      expect(result.vm_id).toMatch(/^vm-[0-9a-f]{12}$/);
    });

    it.each([0, 1, 2, 126, 127, 255])("passes on exit code %i", async (code) => {
      expect((await run(shell(`exit ${code}`))).exit_code).toBe(code);
    });

    it.each([
      ["TERM", 15],
      ["KILL", 9],
      ["SEGV", 11],
      ["USR1", 10],
    ])("reports signal %s as 128+N", async (name, number) => {
      expect((await run(shell(`kill -${name} $$`))).exit_code).toBe(128 + number);
    });

    it("is byte-exact in both directions", async () => {
      const bytes = randomBytes(3_000_000);
      const hash = createHash("sha256");
      const result = await run(
        ["cat"],
        {},
        { stdin: Readable.from([bytes]), onEvent: (event) => collect(event, (data) => hash.update(data)) },
      );
      expect(result.exit_code).toBe(0);
      expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    });

    it("gives a command without stdin an empty one", async () => {
      expect(await run(shell("wc -c"))).toMatchObject({ exit_code: 0, stdout: "0\n" });
    });

    it("passes arguments as they are", async () => {
      const words = ["a b", "", "$HOME", "'", '"', "\\", "*", "ü\n"];
      expect((await run(["printf", "[%s]", ...words])).stdout).toBe(words.map((word) => `[${word}]`).join(""));
    });

    it("stops the whole process tree at the timeout and keeps the output", async () => {
      const started = performance.now();
      const result = await run(shell("echo before; (setsid sleep 300 &) ; sleep 300; echo after"), {
        timeout_seconds: 3,
      });
      expect(result).toMatchObject({ timed_out: true, exit_code: 124, stdout: "before\n" });
      expect(result.duration_ms).toBeGreaterThanOrEqual(3000);
      expect(performance.now() - started).toBeLessThan(60_000);
    });

    it("does not wait for a background child that holds the output", async () => {
      const result = await run(shell("sleep 20 & echo done"), { timeout_seconds: 25 });
      expect(result).toMatchObject({ stdout: "done\n", exit_code: 0, timed_out: false });
      expect(result.duration_ms).toBeLessThan(10_000);
    });

    it("ends a cancelled command with a typed error", async () => {
      const controller = new AbortController();
      const cancelled = run(
        shell("echo begun; sleep 300"),
        {},
        { signal: controller.signal, onEvent: (event) => collect(event, () => controller.abort()) },
      );
      await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    });

    it("removes the machine at its time to live", async () => {
      await expect(run(shell("sleep 300"), { ttl_seconds: 2, timeout_seconds: 300 })).rejects.toMatchObject({
        code: "vm_expired",
      });
    });

    it("names a program that is not there, and one that cannot be executed", async () => {
      await expect(run(["no-such-program-here"])).rejects.toMatchObject({ code: "command_not_found" });
      await expect(run(["/etc/passwd"])).rejects.toMatchObject({ code: "command_not_executable" });
    });

    it("takes an argument just below the kernel's limit and refuses one above it", async () => {
      const longest = "x".repeat(131_071);
      expect((await run(["printf", "%s", longest])).stdout).toBe(longest);
      await expect(run(["printf", "%s", `${longest}x`])).rejects.toMatchObject({ code: "argument_too_long" });
    });

    it("keeps head and tail of output that is too long to keep", async () => {
      const result = await run(shell("echo first; yes | head -c 4000000; echo last"));
      expect(result.truncated).toBe(true);
      expect(result.stdout.startsWith("first\n")).toBe(true);
      expect(result.stdout.endsWith("last\n")).toBe(true);
      expect(result.stdout.length).toBeLessThan(1_400_000);
    });

    it("replaces invalid UTF-8 in results, and nothing else", async () => {
      expect((await run(["printf", "a\\377b\\303\\244"])).stdout).toBe("a\ufffdbä");
    });
  });
}

function collect(event: OperationEvent, take: (data: Uint8Array) => void): void {
  if (event.type === "stdout") take(event.data);
}
