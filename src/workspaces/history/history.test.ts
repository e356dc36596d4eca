/** The history of commands: what it keeps, what it drops first, and what it survives. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommandLog } from "./command-log.ts";
import { CommandHistory, type HistoryLimits } from "./history.ts";
import { SEGMENT_BYTES } from "./segments.ts";
import { textFrom } from "./text.ts";

const MIB = 1_048_576;
const uid = process.getuid?.() ?? 0;
const outcome = { kind: "exited", detail: "it ended with exit code 0", remedy: null, retry_safe: false } as const;
const end = { exit_code: 0, timed_out: false, duration_ms: 5, outcome };
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-history-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const place = (name: string) => join(directory, name);
const open = (name: string, limits?: HistoryLimits) => CommandHistory.open(place(name), uid, limits);
const textOf = (log: CommandLog | undefined) => log && textFrom(log, 0, 64 * MIB).output;
const sizeOf = (name: string) =>
  readdirSync(place(name)).reduce(
    (sum, file) => sum + (file.endsWith(".log") ? statSync(join(place(name), file)).size : 0),
    0,
  );

/** Prints numbered lines of 1,000 bytes, 20 at a time. */
function print(log: CommandLog, lines: number): void {
  for (let at = 0; at < lines; at += 20) {
    const some = Array.from({ length: 20 }, (_, line) => `${`line ${at + line} `.padEnd(999, ".")}\n`);
    log.append("stdout", Buffer.from(some.join("")));
  }
}

describe("a history", () => {
  it("keeps commands and their output for the next process", () => {
    const before = open("kept");
    const log = before.begin(["sh", "-c", "x"], "/workspace");
    log.append("stdout", Buffer.from("out "));
    log.append("stderr", Buffer.from("err "));
    log.append("stdout", Buffer.from("more\n"));
    log.finish({ ...end, exit_code: 3 });
    const after = open("kept");
    expect(after.find(1).record).toEqual(log.record);
    expect(after.find(1).record).toMatchObject({ state: "finished", exit_code: 3, stdout_bytes: 9, stderr_bytes: 4 });
    expect(textOf(after.get(1))).toBe("out err more\n");
    expect(after.begin(["true"], "/").sequence).toBe(2);
    expect(statSync(place("kept")).mode & 0o777).toBe(0o700);
    expect(readdirSync(place("kept")).map((name) => statSync(join(place("kept"), name)).mode & 0o777)).toEqual([
      0o600, 0o600, 0o600,
    ]);
  });

  it("says of a command that its keeper did not see end", () => {
    const log = open("cut").begin(["sleep", "9"], "/");
    log.append("stdout", Buffer.from("begun\n"));
    log.append("stderr", Buffer.from("!"));
    const found = open("cut").find(1);
    expect(found.record).toMatchObject({
      state: "finished",
      exit_code: 125,
      duration_ms: null,
      outcome: { kind: "guest_lost", detail: "its keeper ended", retry_safe: false },
      stdout_bytes: 6,
      stderr_bytes: 1,
    });
    expect(textOf(found)).toBe("begun\n!");
    expect(JSON.parse(readFileSync(join(place("cut"), "1.json"), "utf8"))).toEqual(found.record);
    expect(open("cut").find(1).record).toEqual(found.record);
  });

  it("that is only read stays as it is, damage and all", () => {
    const log = open("read").begin(["sleep", "9"], "/");
    log.append("stdout", Buffer.from("begun\n"));
    writeFileSync(join(place("read"), "2.json"), "half");
    writeFileSync(join(place("read"), "2.json.tmp"), "");
    const names = readdirSync(place("read"));
    expect(CommandHistory.read(place("read")).list().map(textOf)).toEqual(["begun\n", ""]);
    expect(readdirSync(place("read"))).toEqual(names);
    expect(JSON.parse(readFileSync(join(place("read"), "1.json"), "utf8"))).toMatchObject({ state: "running" });
    expect(CommandHistory.read(place("nowhere")).list()).toEqual([]);
  });

  it("sets damaged records aside, keeps their output, and reads the others", () => {
    const before = open("damaged");
    for (const name of ["a", "b", "c", "d", "e"]) {
      const log = before.begin([name], "/");
      log.append("stdout", Buffer.from(name));
      log.finish(end);
    }
    const file = (name: string) => join(place("damaged"), name);
    writeFileSync(file("1.json"), "");
    writeFileSync(file("2.json"), Buffer.alloc(22));
    writeFileSync(file("3.json"), '{"schema_version":2}');
    rmSync(file("4.json"));
    mkdirSync(file("4.json"));
    writeFileSync(file("5.json.tmp"), "half");
    writeFileSync(file("007.json"), "no name of ours");
    const after = open("damaged");
    expect(after.list().map((log) => [log.sequence, log.record.outcome?.kind, textOf(log)])).toEqual([
      [1, "guest_lost", "a"],
      [2, "guest_lost", "b"],
      [3, "guest_lost", "c"],
      [4, "guest_lost", "d"],
      [5, "exited", "e"],
    ]);
    expect(after.find(1).record.outcome?.detail).toContain("damaged");
    expect(readdirSync(file("damaged"))).toHaveLength(4);
    expect(readdirSync(place("damaged"))).not.toContain("5.json.tmp");
  });

  it.each([
    ["nothing", Buffer.alloc(0), ""],
    ["half a header", Buffer.from([1, 0, 0]), ""],
    ["half a frame", Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 9, 97, 98]), "ab"],
    ["a length beyond all", Buffer.from([2, 0, 0, 0, 0, 255, 255, 255, 255, 97]), "a"],
    ["no frame", Buffer.alloc(100, 7), ""],
  ])("takes a segment that holds %s for what there is", (what, content, text) => {
    const name = `torn ${what}`;
    open(name).begin(["x"], "/");
    writeFileSync(join(place(name), "1.0.log"), content);
    expect(textOf(open(name).get(1))).toBe(text);
  });

  it("keeps head and tail of what is too long", () => {
    const history = open("long");
    const log = history.begin(["yes"], "/");
    print(log, 40_000);
    log.finish(end);
    expect(sizeOf("long")).toBeGreaterThan(15.5 * MIB);
    expect(sizeOf("long")).toBeLessThanOrEqual(16 * MIB);
    expect(log.is_truncated).toBe(true);
    for (const found of [log, open("long").find(1)]) {
      const { output, next_cursor, truncated } = textFrom(found, 0, 64 * MIB);
      expect([output.startsWith("line 0 "), truncated, next_cursor]).toEqual([true, true, 40_000_000]);
      expect(output.slice(-1000)).toMatch(/^line 39999 /);
      expect(output).toMatch(/\n\[pyro: \d+ bytes left out\]\nline \d+ /);
      const [kept] = found.record.kept;
      expect(kept?.start).toBe(0);
      expect(kept?.end).toBeGreaterThan(7.5 * MIB);
    }
  });

  it("drops the oldest ended output first, and keeps the records", () => {
    const limits = { output_bytes: 4 * MIB, commands: 100 };
    const history = open("full", limits);
    const logs = Array.from({ length: 6 }, (_, at) => history.begin([`${at}`], "/"));
    const [running, ...ended] = logs;
    for (const log of logs) print(log, 1000);
    for (const log of ended) log.finish(end);
    expect(sizeOf("full")).toBeLessThanOrEqual(4 * MIB);
    const newest = history.begin(["newest"], "/");
    print(newest, 2000);
    newest.finish(end);
    expect(sizeOf("full")).toBeLessThanOrEqual(4 * MIB);
    for (const found of [history, open("full", limits)]) {
      expect(found.list()).toHaveLength(7);
      expect(found.find(7).is_truncated).toBe(false);
      expect(textOf(found.find(7))).toMatch(/^line 0 [\s\S]*line 1999 \.+\n$/);
      expect(found.find(2).is_truncated).toBe(true);
      expect(textOf(found.find(2))).toBe("\n[pyro: 1000000 bytes left out]\n");
    }
    expect(textOf(running)).toMatch(/^line 0 /);
  });

  it("holds the cap with 64 commands that all print", () => {
    const history = open("many");
    const logs = Array.from({ length: 64 }, () => history.begin(["yes"], "/"));
    const chunk = Buffer.from(`${"y".repeat(999)}\n`.repeat(50));
    for (let round = 0; round < 40; round += 1) for (const log of logs) log.append("stdout", chunk);
    expect(sizeOf("many")).toBeLessThanOrEqual(32 * MIB);
    for (const log of logs) log.finish(end);
    expect(logs.every((log) => log.segments.kept[0]?.start === 0 && log.is_truncated)).toBe(true);
    expect(sizeOf("many")).toBeGreaterThan(64 * SEGMENT_BYTES);
    expect(readdirSync(place("many")).length).toBeLessThan(64 * 10);
  });

  it("forgets the oldest of very many commands", () => {
    const limits = { output_bytes: MIB, commands: 3 };
    const history = open("count", limits);
    for (let at = 0; at < 5; at += 1) history.begin(["x"], "/").finish(end);
    expect(history.list().map(({ sequence }) => sequence)).toEqual([3, 4, 5]);
    expect(history.count).toBe(5);
    expect(() => history.find(2)).toThrow(expect.objectContaining({ code: "command_not_recorded" }));
    expect(readdirSync(place("count"))).toEqual(["3.json", "4.json", "5.json"]);
  });

  it("is cleared, also of what still runs", () => {
    const history = open("cleared");
    const log = history.begin(["x"], "/");
    log.append("stdout", Buffer.from("x"));
    history.clear();
    log.append("stdout", Buffer.from("y"));
    log.finish(end);
    expect(readdirSync(place("cleared"))).toEqual([]);
    expect([history.count, history.list()]).toEqual([0, []]);
    expect(history.begin(["x"], "/").sequence).toBe(1);
  });

  it("writes a record down later that the disk did not take at first", () => {
    const history = open("late");
    const log = history.begin(["x"], "/");
    const file = join(place("late"), "1.json");
    rmSync(file);
    mkdirSync(file);
    log.append("stdout", Buffer.from("x"));
    log.finish(end);
    expect(log.record).toMatchObject({ state: "finished", log_error: expect.stringContaining("1.json") });
    rmSync(file, { recursive: true });
    history.begin(["y"], "/");
    expect(open("late").find(1).record).toMatchObject({ state: "finished", exit_code: 0 });
  });

  it("lets nothing that fails on the disk reach the command", () => {
    const log = open("gone").begin(["x"], "/");
    rmSync(place("gone"), { recursive: true });
    log.append("stdout", Buffer.from("x"));
    log.append("stdout", Buffer.from("y"));
    log.finish(end);
    expect(log.record).toMatchObject({ state: "finished", stdout_bytes: 2, log_error: expect.any(String) });
    expect(textOf(log)).toBe("\n[pyro: 2 bytes left out]\n");
  });

  it("keeps of a command line what is short enough", () => {
    const log = open("argv").begin(["printf", "x".repeat(100_000), ..."y".repeat(9000)], "/");
    expect(JSON.stringify(log.record).length).toBeLessThan(40_000);
    expect(log.record.command.at(-1)).toBe("…");
  });

  it("refuses a directory that others may write to", () => {
    mkdirSync(place("open"), { mode: 0o777 });
    expect(() => open("open")).not.toThrow();
    rmSync(place("open"), { recursive: true });
    writeFileSync(place("open"), "");
    expect(() => open("open")).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
  });
});

it("writes a record that can be read by a person", () => {
  const log = open("readable").begin(["echo", "a b"], "/workspace");
  log.finish(end);
  expect(JSON.parse(readFileSync(join(place("readable"), "1.json"), "utf8"))).toMatchObject({
    schema_version: 1,
    sequence: 1,
    command: ["echo", "a b"],
    cwd: "/workspace",
    exit_code: 0,
    outcome,
  });
});
