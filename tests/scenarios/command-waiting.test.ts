/** Waiting for commands, ports, servers, files and lines on the fake machine, and reading logs. */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runProgram } from "../../src/platform/programs.ts";
import { bundle } from "../support/bundle.ts";
import { CommandBench } from "../support/commands.ts";

let bench: CommandBench;

beforeAll(async () => {
  bench = await CommandBench.open();
});
afterAll(async () => {
  await bench.commands.cancelAll("the test is over");
  await bench.close();
});

const detached = async (script: string) => (await bench.shell(script, { detach: true })).sequence;

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const serve = (port: number, status: number) =>
  `exec "${process.execPath}" -e 'require("http").createServer((q, r) => { r.statusCode = ${status}; r.end() }).listen(${port}, "127.0.0.1", () => console.log("listening"))'`;

describe("waiting", () => {
  it("before anything was run has nothing to wait for", async () => {
    await expect(bench.wait({ log: "x" })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(bench.wait({ sequence: 1 })).rejects.toMatchObject({ code: "command_not_recorded" });
  });

  it.each([
    ["nothing", {}],
    ["two conditions", { port: 80, file: "x" }],
    ["a pattern that is none", { sequence: 1, log: "(" }],
    ["an address elsewhere", { http: "http://example.com/" }],
    ["an address with a user", { http: "http://localhost:80@example.com/" }],
    ["another scheme", { http: "https://localhost/" }],
  ])("for %s is refused", async (_what, condition) => {
    await bench.shell("true");
    await expect(bench.wait(condition)).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("for the end of a command gives its result", async () => {
    const sequence = await detached("echo one; sleep 0.3; echo two; exit 5");
    expect(bench.history.find(sequence).record.state).toBe("running");
    expect(await bench.wait({ sequence })).toMatchObject({
      reason: "matched",
      last_seen: "exited: it ended with exit code 5",
      sequence,
      state: "finished",
      exit_code: 5,
      outcome: { kind: "exited" },
      output: "one\ntwo\n",
      cursor: 0,
      next_cursor: 8,
      truncated: false,
    });
  });

  it("is over at its timeout, without an error", async () => {
    const sequence = await detached("echo begun; sleep 30");
    const began = performance.now();
    expect(await bench.wait({ sequence, timeout_seconds: 0.2 })).toMatchObject({
      reason: "timeout",
      state: "running",
      exit_code: null,
      outcome: null,
      output: "begun\n",
    });
    expect(performance.now() - began).toBeLessThan(2000);
    const controller = new AbortController();
    const waiting = bench.wait({ sequence }, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
  });

  it("for a line finds it in what was and what will be printed, also without its end", async () => {
    const sequence = await detached("echo before; sleep 0.2; printf 'ready on '; sleep 0.2; printf 80; sleep 30");
    expect(await bench.wait({ log: "^bef" })).toMatchObject({ reason: "matched", last_seen: "before" });
    expect(await bench.wait({ log: "ready on 8" })).toMatchObject({
      sequence,
      reason: "matched",
      last_seen: "ready on 80",
    });
  });

  it("for a line of a command that ends without it says so", async () => {
    const sequence = await detached("sleep 0.1; echo other; exit 2");
    expect(await bench.wait({ sequence, log: "never" })).toMatchObject({
      reason: "target_died",
      last_seen: "other",
      exit_code: 2,
    });
  });

  it("for a pattern without end is refused in time", async () => {
    const sequence = await detached(`sleep 0.1; echo ${"a".repeat(60)}!; sleep 30`);
    await expect(bench.wait({ sequence, log: "(a+)+$" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  it("for silence begins to count at the last output", async () => {
    const sequence = await detached("for i in 1 2 3 4; do echo $i; sleep 0.1; done; sleep 30");
    const seen = await bench.wait({ sequence, quiet_ms: 300 });
    expect(seen).toMatchObject({ reason: "matched", output: "1\n2\n3\n4\n", state: "running" });
    expect(await bench.wait({ sequence: await detached("sleep 0.1"), quiet_ms: 5000 })).toMatchObject({
      reason: "target_died",
      exit_code: 0,
    });
  });

  it("for a port and a server finds them when they are there", async () => {
    const port = await freePort();
    expect(await bench.wait({ port, timeout_seconds: 0.1 })).toMatchObject({
      reason: "timeout",
      last_seen: expect.stringContaining("refused"),
    });
    const waiting = bench.wait({ port });
    const sequence = await detached(`sleep 0.1; ${serve(port, 200)}`);
    expect(await waiting).toMatchObject({ reason: "matched" });
    expect(await bench.wait({ http: `http://localhost:${port}/x` })).toMatchObject({
      reason: "matched",
      last_seen: "status 200",
      sequence,
    });
  });

  it("for a server that is not well goes on, and sees the end of a command that was named", async () => {
    const port = await freePort();
    const sequence = await detached(`timeout 1 sh -c '${serve(port, 503).replaceAll("'", "'\\''")}'`);
    await bench.wait({ sequence, log: "listening" });
    const http = `http://127.0.0.1:${port}/`;
    expect(await bench.wait({ http, timeout_seconds: 0.3 })).toMatchObject({
      reason: "timeout",
      last_seen: "status 503",
    });
    expect(await bench.wait({ http, sequence })).toMatchObject({ reason: "target_died", exit_code: 124 });
  });

  it("for a file takes a path from where commands run", async () => {
    const waiting = bench.wait({ file: "made/it" });
    await bench.shell("sleep 0.1; mkdir made; touch made/it");
    expect(await waiting).toMatchObject({ reason: "matched", last_seen: "file" });
    expect(await bench.wait({ file: join(bench.directory, "made") })).toMatchObject({ last_seen: "directory" });
  });
});

describe("logs", () => {
  it("are the history of commands", async () => {
    const failed = await bench.shell("echo a; echo b; echo c; echo d; exit 4");
    const sequence = await detached("echo begun; sleep 30");
    await bench.wait({ sequence, log: "begun" });
    const { commands } = await bench.commands.logs({});
    expect(commands.slice(-2)).toEqual([
      {
        sequence: failed.sequence,
        command: ["sh", "-c", "echo a; echo b; echo c; echo d; exit 4"],
        cwd: bench.directory,
        state: "finished",
        exit_code: 4,
        outcome_kind: "exited",
        started_at: expect.stringMatching(/^\d{4}-.*Z$/),
        duration_ms: expect.any(Number),
        timed_out: false,
        stdout_bytes: 8,
        stderr_bytes: 0,
        truncated: false,
        last_lines: "b\nc\nd\n",
      },
      expect.objectContaining({
        sequence,
        state: "running",
        exit_code: null,
        outcome_kind: null,
        last_lines: "begun\n",
      }),
    ]);
    expect((await bench.commands.logs({ grep: "^begun$" })).commands.at(-1)).toMatchObject({
      sequence,
      last_lines: "begun\n",
    });
    await expect(bench.commands.logs({ cursor: 3 })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(bench.commands.logs({ sequence: 99_999 })).rejects.toMatchObject({ code: "command_not_recorded" });
  });

  it("of one command come in parts and by lines", async () => {
    const { sequence } = await bench.shell("seq 1 1000");
    let output = "";
    let cursor = 0;
    for (let more = true; more; ) {
      const part = await bench.commands.logs({ sequence, cursor, max_chars: 500 });
      output += part.output;
      cursor = part.next_cursor;
      more = part.truncated;
    }
    expect(output).toBe(Array.from({ length: 1000 }, (_, at) => `${at + 1}\n`).join(""));
    expect((await bench.commands.logs({ sequence, tail_lines: 2 })).output).toBe("999\n1000\n");
    expect((await bench.commands.logs({ sequence, grep: "^5.5$" })).output.split("\n")).toHaveLength(11);
    expect((await bench.commands.logs({ sequence, grep: "5$", tail_lines: 1 })).output).toBe("995\n");
  });

  it("are the same in another process, at the same cursors", async () => {
    const { sequence } = await bench.shell("printf 'one ä\\ntwo\\n'; printf err >&2");
    const reader = await bundle("tests/support/read-log.ts");
    for (const cursor of [0, 7, 11]) {
      const args = [reader, bench.historyDirectory, String(sequence), String(cursor)];
      const { stdout } = await runProgram(process.execPath, args);
      const { commands: _commands, ...text } = await bench.commands.logs({ sequence, cursor });
      expect(JSON.parse(stdout)).toEqual(text);
    }
    rmSync(dirname(reader), { recursive: true });
  });
});
