/** What of hostile output reaches a terminal, and what reaches text; wherever it is split. */
import { describe, expect, it } from "vitest";
import { type Strength, TerminalText } from "./terminal-text.ts";

function shown(strength: Strength, ...parts: readonly string[]): string {
  const filter = new TerminalText(strength);
  return parts.map((part) => filter.push(part)).join("");
}

const ST = "\x1b\\";
const secret = "UEFZTE9BRA";
/** Sequences that must be gone with what they carry. */
const removed: readonly (readonly [string, string])[] = [
  ["OSC 52, the clipboard", `\x1b]52;c;${secret}\x07`],
  ["OSC 52 with a string terminator", `\x1b]52;c;${secret}${ST}`],
  ["OSC 0, the title", `\x1b]0;${secret}\x07`],
  ["OSC 2, the title", `\x1b]2;${secret}${ST}`],
  ["OSC 7, the directory", `\x1b]7;file://${secret}\x07`],
  ["OSC 9, a message", `\x1b]9;${secret}\x07`],
  ["OSC 777, a message", `\x1b]777;notify;${secret}\x07`],
  ["OSC 1337, a file", `\x1b]1337;File=inline=1:${secret}\x07`],
  ["OSC 8, the target of a link", `\x1b]8;;http://${secret}${ST}`],
  ["DCS", `\x1bP1;2q${secret}${ST}`],
  ["sixel", `\x1bPq#0;2;0;0;0${secret}${ST}`],
  ["DECRQSS", `\x1bP$q${secret}${ST}`],
  ["XTGETTCAP", `\x1bP+q${secret}${ST}`],
  ["APC, kitty's pictures", `\x1b_Gf=100;${secret}${ST}`],
  ["PM", `\x1b^${secret}${ST}`],
  ["SOS", `\x1bX${secret}${ST}`],
  ["tmux's title", `\x1bk${secret}${ST}`],
  ["C1 OSC", `\x9d52;c;${secret}\x9c`],
  ["C1 DCS", `\x90q${secret}\x9c`],
  ["C1 APC", `\x9f${secret}\x9c`],
  ["device attributes", "\x1b[c"],
  ["secondary device attributes", "\x1b[>c"],
  ["C1 device attributes", "\x9bc"],
  ["device identification", "\x1bZ"],
  ["cursor position report", "\x1b[6n"],
  ["private status report", "\x1b[?15n"],
  ["mode request", "\x1b[?2026$p"],
  ["version request", "\x1b[>q"],
  ["terminal parameters", "\x1b[x"],
  ["window operations", "\x1b[21t"],
  ["keyboard protocol", "\x1b[?u"],
  ["keyboard protocol that stays", "\x1b[>1u"],
  ["keys that are sent otherwise", "\x1b[>4;2m"],
  ["printing", "\x1b[5i"],
  ["answerback", "\x05"],
  ["NUL and DEL", "\0\x7f"],
  ["mode that nobody knows", "\x1b[?9999h"],
];

/** What draws, and stays on a terminal. */
const drawing = [
  "\x1b[1;38;5;12m",
  "\x1b[0m",
  "\x1b[2J",
  "\x1b[10;20H",
  "\x1b[3A",
  "\x1bc",
  "\x1b[?1049h",
  "\x1b[?25l",
  "\x1b[5 q",
];

describe.each(["screen", "text"] as const)("%s", (strength) => {
  it.each(removed)("removes %s, wherever it is split", (_, sequence) => {
    const whole = `a${sequence}b`;
    expect(shown(strength, whole)).toBe("ab");
    for (let at = 0; at <= whole.length; at += 1)
      expect(shown(strength, whole.slice(0, at), whole.slice(at))).toBe("ab");
    expect(shown(strength, ...whole)).toBe("ab");
  });

  it("passes plain text of any language on, characters of two units too", () => {
    const text = "Grüße 漢字 🦀 e\u0301\tx\n";
    for (let at = 0; at <= text.length; at += 1) expect(shown(strength, text.slice(0, at), text.slice(at))).toBe(text);
  });

  it("gives a sequence up that does not end, and is itself again", () => {
    const filter = new TerminalText(strength);
    let came = filter.push("\x1b]52;c;").length;
    const part = "x".repeat(65_536);
    for (let at = 0; at < 1_600; at += 1) came += filter.push(part).length;
    expect(came).toBeGreaterThan(1_600 * 65_536 - 4_200);
    expect(filter.push("\x1b]0;t\x07after\n")).toBe("after\n");
  });

  it("gives the same for random bytes, however they are split", () => {
    let state = 12_345;
    const next = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const alphabet = [
      "\x1b",
      "[",
      "]",
      "P",
      "\\",
      "\x07",
      ";",
      "?",
      "1",
      "2",
      "5",
      "m",
      "h",
      "c",
      "\r",
      "\n",
      "\x9b",
      "\x18",
      "é",
      "🦀",
      "\u202e",
      " ",
      "k",
    ];
    for (let round = 0; round < 2_000; round += 1) {
      const text = Array.from({ length: 1 + next(40) }, () => alphabet[next(alphabet.length)]).join("");
      const at = next(text.length + 1);
      const whole = shown(strength, text);
      expect(shown(strength, text.slice(0, at), text.slice(at))).toBe(whole);
      expect(shown(strength, ...text.split(""))).toBe(whole);
    }
  });
});

describe("a screen", () => {
  it.each(drawing)("keeps %j", (sequence) => {
    for (let at = 0; at <= sequence.length; at += 1)
      expect(shown("screen", sequence.slice(0, at), sequence.slice(at))).toBe(sequence);
  });

  it("keeps the known modes of several", () => {
    expect(shown("screen", "\x1b[?9999;25h")).toBe("\x1b[?25h");
  });

  it("is put right at the end", () => {
    const filter = new TerminalText("screen");
    filter.push("\x1b[?1049h\x1b[?25l\x1b[31m\x0e\x1b[2;5r\x1b=\x1b[4h");
    expect(filter.end()).toBe("\x1b7\x1b[r\x1b8\x0f\x1b(B\x1b>\x1b[4l\x1b[?1049l\x1b[?25h\x1b[0m");
    const tidy = new TerminalText("screen");
    tidy.push("\x1b[?1049h\x1b[?1049lplain");
    expect(tidy.end()).toBe("");
  });
});

describe("text", () => {
  it.each(drawing)("has no %j", (sequence) => {
    expect(shown("text", `a${sequence}b`)).toBe("ab");
  });

  it("shows what a return or a vertical tab would have covered", () => {
    expect(shown("text", "rm -rf /\rls     \n")).toBe("rm -rf /\nls     \n");
    expect(shown("text", "a\r\nb\vc\fd")).toBe("a\nb\nc\nd");
    expect(shown("text", "a\r", "\nb")).toBe("a\nb");
    expect(shown("text", "safe\b\b\b\bevil")).toBe("safeevil");
  });

  it("shows what reorders, hides or tags as what it is", () => {
    expect(shown("text", "a\u202eb\u200bc\u{e0041}d\ufeff")).toBe("a\\u{202e}b\\u{200b}c\\u{e0041}d\\u{feff}");
  });

  it("leaves no control character but newline and tab of any there is", () => {
    const all = Array.from({ length: 0xa0 }, (_, code) => `x${String.fromCharCode(code)}y `).join("");
    expect(shown("text", all)).toMatch(/^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$/);
  });
});
