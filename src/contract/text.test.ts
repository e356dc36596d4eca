/** Guest text is harmless once it is cleaned. */
import { describe, expect, it } from "vitest";
import { cleanText } from "./text.ts";

describe("cleanText", () => {
  it("leaves ordinary text, newlines and tabs", () => {
    const text = "line one\n\tline two — ü 漢字 🦀\n";
    expect(cleanText(text)).toBe(text);
  });

  it("turns every line end into a newline", () => {
    expect(cleanText("a\r\nb\rc")).toBe("a\nb\nc");
  });

  it("leaves no C0 or C1 control character but newline and tab", () => {
    const codes = [...Array.from({ length: 32 }, (_, at) => at), ...Array.from({ length: 33 }, (_, at) => 0x7f + at)];
    for (const code of codes.filter((value) => value !== 9 && value !== 10))
      expect(cleanText(`a${String.fromCharCode(code)}b`), `U+${code.toString(16)}`).toMatch(/^a\n?b?$/);
  });

  it.each([
    ["colour", "\u001b[31mred\u001b[0m"],
    ["window title", "\u001b]0;title\u0007"],
    ["clipboard", "\u001b]52;c;aGk=\u001b\\"],
    ["C1 sequence", "\u009b31m"],
    ["device control string", "\u001bPq#0\u001b\\"],
  ])("leaves no escape of a %s sequence", (_name, text) => {
    expect(cleanText(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it.each([
    ["right-to-left override", "\u202e"],
    ["right-to-left isolate", "\u2067"],
    ["right-to-left mark", "\u200f"],
    ["Arabic letter mark", "\u061c"],
    ["zero-width space", "\u200b"],
    ["zero-width joiner", "\u200d"],
    ["word joiner", "\u2060"],
    ["byte order mark", "\ufeff"],
    ["tag character", "\u{e0041}"],
    ["line separator", "\u2028"],
    ["paragraph separator", "\u2029"],
  ])("shows a %s as an escape", (_name, character) => {
    expect(cleanText(`a${character}b`)).toBe(`a\\u{${character.codePointAt(0)?.toString(16)}}b`);
  });
});
