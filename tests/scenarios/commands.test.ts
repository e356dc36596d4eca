/** Commands of a workspace on the fake machine: results, outcomes, callers who leave, and the end of the machine. */
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { textFrom } from "../../src/workspaces/history/text.ts";
import { CommandBench, listener } from "../support/commands.ts";

let bench: CommandBench;

beforeAll(async () => {
  bench = await CommandBench.open();
});
afterAll(() => bench.close());

const textOf = (sequence: number) => textFrom(bench.history.find(sequence), 0, 1_000_000).output;
const newest = () => bench.history.find(bench.history.last).record;

describe("a command", () => {
  it("gives its output while it runs, and a result", async () => {
    const heard = listener();
    const running = bench.shell(
      "echo out; sleep 0.1; echo err >&2; read line; echo $line; exit 7",
      {},
      {
        emit: heard.emit,
        stdin: Readable.from(
          (async function* () {
            while (!heard.text.includes("err")) await delay(5);
            yield "typed\n";
          })(),
        ),
      },
    );
    const result = await running;
    expect(heard.text).toBe("out\nerr\ntyped\n");
    expect(result).toEqual({
      sequence: bench.history.last,
      state: "finished",
      cwd: bench.directory,
      exit_code: 7,
      stdout: "out\ntyped\n",
      stderr: "err\n",
      truncated: false,
      duration_ms: expect.any(Number),
      timed_out: false,
      execution_mode: "guest_emulated",
      outcome: { kind: "exited", detail: "it ended with exit code 7", remedy: null, retry_safe: false },
      cursor: 14,
    });
    expect(textOf(result.sequence)).toBe("out\nerr\ntyped\n");
  });

  it.each([0, 1, 126, 127, 255])("passes on exit code %i", async (code) => {
    expect(await bench.shell(`exit ${code}`)).toMatchObject({ exit_code: code, outcome: { kind: "exited" } });
  });

  it("passes on every signal that ends a process", async () => {
    const signals = Array.from({ length: 31 }, (_, at) => at + 1).filter(
      (signal) => ![17, 18, 19, 20, 21, 22, 23, 28].includes(signal),
    );
    const results = await Promise.all(signals.map((signal) => bench.shell(`ulimit -c 0; kill -${signal} $$; exit 9`)));
    expect(results.map(({ exit_code }) => exit_code)).toEqual(signals.map((signal) => 128 + signal));
    expect(results.every(({ outcome }) => outcome?.kind === "signal")).toBe(true);
    expect(results[14]?.outcome?.detail).toBe("SIGTERM (15) ended it");
  });

  it("that runs too long is killed, and what it printed is kept", async () => {
    const result = await bench.shell("echo before; (setsid sleep 300 &) ; sleep 300", { timeout_seconds: 1 });
    expect(result).toMatchObject({ exit_code: 124, timed_out: true, stdout: "before\n", outcome: { kind: "timeout" } });
    expect(result.outcome?.remedy).toContain("--timeout-seconds");
  });

  it("does not wait for a background child that holds the output", async () => {
    const result = await bench.shell("sleep 20 & echo done");
    expect(result).toMatchObject({ exit_code: 0, stdout: "done\n" });
    expect(result.duration_ms).toBeLessThan(5000);
  });

  it.each([
    ["command_not_found", ["no-such-program-here"], 127],
    ["command_not_executable", ["/etc/passwd"], 126],
    ["argument_too_long", ["echo", "x".repeat(200_000)], 126],
    ["argument_too_long", ["echo", ...Array.from({ length: 20 }, () => "x".repeat(100_000))], 126],
  ])("that cannot start is an error (%s), and stands in the history", async (code, command, exit_code) => {
    for (const detach of [false, true]) {
      await expect(bench.exec(command, { detach })).rejects.toMatchObject({ code });
      expect(newest()).toMatchObject({ state: "finished", exit_code, outcome: { kind: "exited", retry_safe: true } });
    }
  });

  it("gets its directory and variables", async () => {
    expect(await bench.shell("pwd; echo $A", { cwd: "/usr", env: { A: "b" } })).toMatchObject({
      cwd: "/usr",
      stdout: "/usr\nb\n",
    });
    await expect(bench.shell("true", { cwd: "/none/such" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("keeps head and tail in its result, and all in its log", async () => {
    const result = await bench.shell("echo first; yes | head -c 3000000; echo last");
    expect(result.truncated).toBe(true);
    expect(result.stdout.length).toBeLessThan(1_400_000);
    const { truncated, output } = await bench.commands.logs({ sequence: result.sequence, max_chars: 1_000_000 });
    expect([truncated, output.length]).toEqual([true, 1_000_000]);
    expect(textFrom(bench.history.find(result.sequence), 0, 9_000_000).output.length).toBe(3_000_011);
  });

  it("that fails has the room on its disk told, and one that does well has not", async () => {
    const { signal } = new AbortController();
    const options = { timeout_ms: null, stdin: undefined, onOutput: () => {}, signal };
    expect((await bench.session.exec({ argv: ["true"], ...options })).free_space).toEqual([]);
    const [cwd, ...others] = (await bench.session.exec({ argv: ["false"], ...options })).free_space;
    expect(cwd).toMatchObject({ place: "cwd", bytes: expect.any(Number) });
    expect(cwd?.bytes).toBeGreaterThan(65_536);
    expect(others).toEqual([]);
    const away = (await bench.session.exec({ argv: ["false"], cwd: "/proc", ...options })).free_space;
    expect(away).toMatchObject([{ place: "tmp" }]);
  });

  it("runs beside 63 others, each with its own output", async () => {
    const all = Array.from({ length: 64 }, (_, at) => bench.shell(`echo ${at}; sleep 0.2; echo ${at} >&2; exit ${at}`));
    expect(bench.commands.running).toBe(64);
    const results = await Promise.all(all);
    expect(results.map(({ stdout, stderr, exit_code }) => [stdout, stderr, exit_code])).toEqual(
      Array.from({ length: 64 }, (_, at) => [`${at}\n`, `${at}\n`, at]),
    );
    expect(bench.commands.running).toBe(0);
  });
});

describe("a caller", () => {
  it("who goes away takes the command along, and what was printed is kept", async () => {
    const controller = new AbortController();
    const heard = listener();
    const running = bench.shell(
      "echo begun; sleep 300; echo never",
      {},
      {
        signal: controller.signal,
        emit: (event) => {
          heard.emit(event);
          controller.abort();
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
    expect(newest()).toMatchObject({
      state: "finished",
      exit_code: 137,
      outcome: { kind: "cancelled", detail: "its caller went away", retry_safe: false },
    });
    expect(textOf(bench.history.last)).toBe("begun\n");
    expect(bench.commands.running).toBe(0);
  });

  it("who is gone before it begins runs nothing", async () => {
    const { last } = bench.history;
    await expect(bench.shell("true", {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    expect(bench.history.last).toBe(last);
  });

  it("who is slow holds the guest back", async () => {
    let taken = 0;
    const controller = new AbortController();
    const running = bench.shell(
      "yes",
      {},
      {
        signal: controller.signal,
        emit: async (event) => {
          if (event.type === "stdout") taken += event.data.length;
          await delay(20);
        },
      },
    );
    await delay(400);
    expect(bench.history.find(bench.history.last).end - taken).toBeLessThan(2_000_000);
    expect(taken).toBeLessThan(2_000_000);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "cancelled" });
  });

  it("who reads no more does not hold up a command that went on without them", async () => {
    const result = await bench.shell(
      "yes | head -c 3000000; echo end",
      { yield_after_seconds: 0.3 },
      {
        emit: () => new Promise<void>(() => {}),
      },
    );
    expect(result.state).toBe("running");
    expect(await bench.wait({ sequence: result.sequence })).toMatchObject({ reason: "matched", exit_code: 0 });
    expect(bench.history.find(result.sequence).end).toBe(3_000_004);
  });

  it("gets what there is when time is up, and the rest later", async () => {
    const controller = new AbortController();
    const result = await bench.shell(
      "echo early; sleep 0.6; echo late; exit 3",
      { yield_after_seconds: 0.3 },
      {
        signal: controller.signal,
      },
    );
    expect(result).toMatchObject({ state: "running", exit_code: null, outcome: null, stdout: "early\n", cursor: 6 });
    controller.abort();
    expect(await bench.wait({ sequence: result.sequence, cursor: result.cursor })).toMatchObject({
      reason: "matched",
      state: "finished",
      exit_code: 3,
      output: "late\n",
      next_cursor: 11,
    });
    expect(await bench.shell("echo quick", { yield_after_seconds: 10 })).toMatchObject({
      state: "finished",
      exit_code: 0,
    });
  });

  it("who detaches gives no input", async () => {
    await expect(bench.shell("cat", { detach: true }, { stdin: Readable.from([]) })).rejects.toMatchObject({
      code: "invalid_input",
    });
  });
});

describe("all commands", () => {
  it("end as cancelled before a reset, and their callers have their results", async () => {
    const attended = bench.shell("echo begun; sleep 300");
    const { sequence } = await bench.shell("echo begun; sleep 300", { detach: true });
    await bench.wait({ sequence, log: "begun" });
    await bench.wait({ sequence: sequence - 1, log: "begun" });
    await bench.commands.cancelAll("the workspace is reset");
    const outcome = { kind: "cancelled", detail: "the workspace is reset", remedy: null, retry_safe: false };
    expect(await attended).toMatchObject({ state: "finished", exit_code: 137, stdout: "begun\n", outcome });
    expect(bench.history.find(sequence).record).toMatchObject({ state: "finished", outcome });
    expect(bench.commands.running).toBe(0);
  });

  it("of a machine that is lost are lost, with what they printed", async () => {
    const doomed = await CommandBench.open();
    const attended = doomed.shell("echo begun; sleep 300");
    const failure = attended.catch((error: unknown) => error);
    const { sequence } = await doomed.shell("echo begun; sleep 300", { detach: true });
    await doomed.wait({ sequence, log: "begun" });
    const waiting = doomed.wait({ sequence });
    await doomed.killMachine();
    expect(await failure).toMatchObject({ code: "guest_lost" });
    expect(await waiting).toMatchObject({
      reason: "matched",
      output: "begun\n",
      exit_code: 125,
      outcome: { kind: "guest_lost", retry_safe: false },
    });
    await expect(doomed.shell("true")).rejects.toMatchObject({ code: "guest_lost" });
    await doomed.close();
  });
});
