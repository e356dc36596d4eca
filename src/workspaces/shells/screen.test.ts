/** What a person would see, of what programs really print. */
import { describe, expect, it } from "vitest";
import { renderScreen } from "./screen.ts";
import { Scrollback } from "./scrollback.ts";

const size = { cols: 20, rows: 5 };

/** What is seen of `after` on a terminal that was shown `before`. */
async function seen(after: string, before = "", shape = size) {
  const scrollback = new Scrollback();
  scrollback.append(before);
  scrollback.append(after);
  return renderScreen(scrollback, scrollback.read(before.length, 10_000_000), shape);
}
const text = async (after: string, before = "") => (await seen(after, before)).output;

describe("a rendered shell", () => {
  it.each([
    ["colors", "\x1b[1;31mred\x1b[0m plain", "red plain"],
    ["a return that covers", "rm -rf /\rls     ", "ls -rf /".replace("-rf /", "    /").trimEnd()],
    ["backspace", "abc\b\bX", "aXc"],
    ["a progress bar", "10%\r50%\r100%\r\ndone", "100%\ndone"],
    ["tabs", "a\tb", "a       b"],
    ["movement", "one\r\ntwo\r\n\x1b[2Athree", "three\ntwo"],
    ["clearing", "old\r\nolder\x1b[2J\x1b[Hnew", "new"],
    ["a line longer than the terminal", "x".repeat(45), "x".repeat(45)],
    ["wide characters at the edge", `${"漢".repeat(9)}a${"字".repeat(3)}`, `${"漢".repeat(9)}a${"字".repeat(3)}`],
    ["title and clipboard", "a\x1b]0;title\x07b\x1b]52;c;UEFZ\x1b\\c", "abc"],
    [
      "the alternate screen while it is shown",
      "before\x1b[?1049h\x1b[2J\x1b[Hscreen\x1b[5;1Hlast",
      "screen\n\n\n\nlast",
    ],
    ["the alternate screen when it is gone", "before\r\n\x1b[?1049hscreen\x1b[?1049lafter", "before\nafter"],
    ["nothing", "", ""],
    ["a reset", "abc\x1bcdef", "def"],
  ])("shows %s", async (_, printed, expected) => {
    expect(await text(printed)).toBe(expected);
  });

  it("shows lines that changed, and those that came", async () => {
    expect(await text("s\r\nfile\r\n$ ", "$ pwd\r\n/workspace\r\n$ l")).toBe("$ ls\nfile\n$");
    expect(await text("\x1b[2A100%\x1b[2B", "line\r\n10%\r\n20%\r\n")).toBe("100%\n20%");
    expect(await text("", "abc")).toBe("");
  });

  it("shows what scrolled out of the screen", async () => {
    const lines = Array.from({ length: 50 }, (_, at) => `line ${at}`);
    expect(await text(lines.join("\r\n"), "before\r\n")).toBe(lines.join("\n"));
  });

  it("goes on where a sequence or a screen was begun before", async () => {
    expect(await text("1mred\x1b[0m", "\x1b[3")).toBe("red");
    expect(await text("\x1b[1;1Hx", "\x1b[?1049h\x1b[2J\x1b[1;1Habc")).toBe("xbc");
  });

  it("has no control character, whatever is printed", async () => {
    let state = 99;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let round = 0; round < 60; round += 1) {
      const noise = Array.from({ length: 300 }, () =>
        String.fromCharCode(next(3) === 0 ? next(0xa0) : 0x20 + next(90)),
      );
      expect(await text(noise.join(""))).toMatch(/^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$/);
    }
  });

  it("renders all that is kept in time, and an unterminated sequence does not swallow it", async () => {
    const flood = `\x1b]52;c;${"0123456789abcdef0123456789abcdef0123456789\r\n".repeat(95_000)}`;
    const began = performance.now();
    const { output, truncated } = await seen(flood, "", { cols: 120, rows: 30 });
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(output.endsWith("0123456789")).toBe(true);
    expect(truncated).toBe(true);
  });
});
