/** Text and lines of a log: no character is split, no cursor moves, whatever the pieces in which output came. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinePattern } from "../../platform/line-pattern.ts";
import type { CommandLog } from "./command-log.ts";
import { CommandHistory } from "./history.ts";
import { batchesFrom, LINE_BYTES, type LineSelection, selectLines } from "./lines.ts";
import { textFrom } from "./text.ts";

let directory: string;
let history: CommandHistory;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-text-"));
  history = CommandHistory.open(join(directory, "history"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function logOf(...chunks: readonly (string | Buffer)[]): CommandLog {
  const log = history.begin(["x"], "/");
  for (const chunk of chunks) log.append("stdout", Buffer.from(chunk));
  return log;
}

function finished(log: CommandLog): CommandLog {
  const outcome = { kind: "exited", detail: "", remedy: null, retry_safe: false } as const;
  log.finish({ exit_code: 0, timed_out: false, duration_ms: 1, outcome });
  return log;
}

const odd = "a\u0000ä漢🦀e\u0301\n";

describe("text", () => {
  it("is the same at every split into chunks", () => {
    const bytes = Buffer.from(odd);
    for (let at = 0; at <= bytes.length; at += 1) {
      const log = finished(logOf(bytes.subarray(0, at), bytes.subarray(at)));
      expect(textFrom(log, 0, 1000).output).toBe(odd);
    }
  });

  it("keeps characters whole that two streams print at once", () => {
    const log = history.begin(["x"], "/");
    const crab = Buffer.from("🦀");
    for (const byte of crab) {
      log.append("stdout", Buffer.from([byte]));
      log.append("stderr", Buffer.from("!"));
    }
    expect(textFrom(finished(log), 0, 100).output).toBe("!!!🦀!");
  });

  it("comes in parts of every size, which together are the whole", () => {
    const whole = odd.repeat(50);
    const log = finished(logOf(...(whole.match(/.{1,7}/gsu) ?? [])));
    for (const max_chars of [2, 3, 7, 64, 1000]) {
      let output = "";
      let cursor = 0;
      while (cursor < log.end) {
        const part = textFrom(log, cursor, max_chars);
        expect(part.output.length).toBeLessThanOrEqual(max_chars);
        expect(part.truncated).toBe(part.next_cursor < log.end);
        expect(part.next_cursor).toBeGreaterThan(cursor);
        output += part.output;
        cursor = part.next_cursor;
      }
      expect(output).toBe(whole);
    }
  });

  it("replaces what is not UTF-8", () => {
    const bytes = Buffer.from([0x61, 0xff, 0x80, 0x80, 0x80, 0x80, 0xe2, 0x82, 0x62, 0xc3]);
    const log = finished(logOf(bytes));
    expect(textFrom(log, 0, 100).output).toBe(bytes.toString("utf8"));
    expect(textFrom(log, 0, 100).next_cursor).toBe(10);
  });

  it("waits for the rest of a character, and not for ever", () => {
    const log = logOf(Buffer.from([0x61, 0xe2, 0x82]));
    expect(textFrom(log, 0, 10)).toEqual({ output: "a", cursor: 0, next_cursor: 1, truncated: false });
    expect(textFrom(finished(log), 1, 10)).toMatchObject({ output: "\ufffd", next_cursor: 3 });
  });

  it("begins nowhere outside of the log", () => {
    const log = finished(logOf("abc"));
    expect(textFrom(log, 99, 10)).toEqual({ output: "", cursor: 3, next_cursor: 3, truncated: false });
    expect(textFrom(log, -5, 10)).toMatchObject({ output: "abc", cursor: 0 });
  });
});

describe("lines", () => {
  const select = (log: CommandLog, more: Partial<LineSelection>) =>
    selectLines(log, { cursor: 0, max_chars: 1000, ...more });

  it("are the last ones", async () => {
    const log = finished(logOf("one\ntw", "o\nthree\nfour"));
    expect(await select(log, { tail_lines: 2 })).toEqual({
      output: "three\nfour\n",
      cursor: 0,
      next_cursor: 18,
      truncated: false,
    });
    expect((await select(log, { tail_lines: 0 })).output).toBe("");
    expect((await select(log, { tail_lines: 99 })).output).toBe("one\ntwo\nthree\nfour\n");
    expect(await select(log, { tail_lines: 99, max_chars: 12 })).toMatchObject({
      output: "three\nfour\n",
      truncated: true,
    });
  });

  it("are those that match", async () => {
    const log = finished(logOf("error 1\nok\nerror 2\r\n\nerror 3\n"));
    const pattern = new LinePattern("^error (2|3)$");
    expect((await select(log, { pattern })).output).toBe("error 2\r\nerror 3\n");
    expect((await select(log, { pattern, tail_lines: 1 })).output).toBe("error 3\n");
    const first = await select(log, { pattern, max_chars: 10 });
    expect(first).toMatchObject({ output: "error 2\r\n", truncated: true, next_cursor: 21 });
    expect((await select(log, { pattern, cursor: first.next_cursor })).output).toBe("error 3\n");
  });

  it("that are not over are matched when they are", async () => {
    const log = logOf("match 1\nmat");
    const pattern = new LinePattern("match");
    const first = await select(log, { pattern });
    expect(first).toMatchObject({ output: "match 1\n", next_cursor: 8 });
    log.append("stdout", Buffer.from("ch 2\n"));
    expect((await select(log, { pattern, cursor: first.next_cursor })).output).toBe("match 2\n");
  });

  it("are cut when they are too long, and nothing of them is lost", () => {
    const long = "ä漢".repeat(60_000);
    const log = finished(logOf("x\n", long, "\n", "z".repeat(LINE_BYTES), "\n\nend"));
    const batches = [...batchesFrom(log, 0)];
    const lines = batches.flatMap((batch) => batch.lines);
    expect(lines.every((text) => Buffer.byteLength(text) <= LINE_BYTES && !text.includes("\ufffd"))).toBe(true);
    expect(lines.join("")).toBe(`x${long}${"z".repeat(LINE_BYTES)}end`);
    expect(lines.at(-1)).toBe("end");
    expect(batches.at(-1)?.end).toBe(log.end);
    for (const [at, batch] of batches.entries()) expect(batch.start).toBe(batches[at - 1]?.end ?? 0);
  });

  it("are very many, and everything else goes on meanwhile", async () => {
    const log = finished(logOf(Buffer.alloc(1_000_000, "\n")));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    const { output } = await select(log, { pattern: new LinePattern("^$"), tail_lines: 500 });
    clearInterval(timer);
    expect(output).toBe("\n".repeat(500));
    expect(turns).toBeGreaterThan(5);
  });
});

describe("a pattern", () => {
  it.each(["(", "[", "*", "\\", "(?<a", "x".repeat(1025)])("that is none is refused: %s", (source) => {
    expect(() => new LinePattern(source)).toThrow(expect.objectContaining({ code: "invalid_input" }));
  });

  it.each(["(a+)+$", "^(a|aa)+$", "(.*)*b"])("that backtracks without end is ended: %s", (source) => {
    const began = performance.now();
    expect(() => new LinePattern(source).test([`${"a".repeat(40)}!`, "fine"])).toThrow(
      expect.objectContaining({ code: "invalid_input", message: expect.stringContaining("too long") }),
    );
    expect(performance.now() - began).toBeLessThan(2000);
    expect(new LinePattern("fin.").test(["x", "fine"])).toEqual([false, true]);
  });
});
