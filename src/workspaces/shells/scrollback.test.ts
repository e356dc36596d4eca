/** Positions in what was printed stay what they are, whatever is dropped, and no character is cut. */
import { describe, expect, it } from "vitest";
import { Scrollback } from "./scrollback.ts";

describe("a scrollback", () => {
  it("gives everything once, in pieces of any size", () => {
    const scrollback = new Scrollback();
    const text = "a🦀b漢🦀🦀c".repeat(9_000);
    for (let at = 0; at < text.length; ) {
      const end = at + 997 + (/[\ud800-\udbff]/.test(text.charAt(at + 996)) ? 1 : 0);
      scrollback.append(text.slice(at, end));
      at = end;
    }
    for (const max_chars of [1, 2, 3, 1_000, 70_000]) {
      let output = "";
      for (let cursor = 0; cursor < Math.min(text.length, max_chars * 100); ) {
        const part = scrollback.read(cursor, max_chars);
        expect(part.cursor).toBe(cursor);
        expect(part.output).not.toMatch(/^[\udc00-\udfff]|[\ud800-\udbff]$/);
        output += part.output;
        cursor = part.next_cursor;
      }
      expect(text.startsWith(output)).toBe(true);
    }
  });

  it("begins a cursor in the middle of a character before it", () => {
    const scrollback = new Scrollback();
    scrollback.append("a🦀b");
    expect(scrollback.read(2, 10)).toEqual({ output: "🦀b", cursor: 1, next_cursor: 4, truncated: false });
  });

  it("keeps the newest, and says what is gone", () => {
    const scrollback = new Scrollback(100_000);
    const line = "0123456789";
    for (let count = 0; count < 1_000_000; count += 1) scrollback.append(line);
    expect(scrollback.end).toBe(10_000_000);
    expect(scrollback.end - scrollback.begin).toBeGreaterThan(80_000);
    expect(scrollback.end - scrollback.begin).toBeLessThanOrEqual(100_000);
    const { cursor, output, truncated } = scrollback.read(5, 20);
    expect([cursor, truncated, output]).toEqual([scrollback.begin, true, "01234567890123456789"]);
    expect(scrollback.read(scrollback.begin, 5)).toMatchObject({ truncated: false });
  });

  it("has nothing behind its end", () => {
    const scrollback = new Scrollback();
    scrollback.append("abc");
    expect(scrollback.read(99, 10)).toEqual({ output: "", cursor: 3, next_cursor: 3, truncated: false });
  });

  it("drops one large part with all before it", () => {
    const scrollback = new Scrollback(1_000);
    for (const text of ["a".repeat(900), "b".repeat(20_000), "c"]) scrollback.append(text);
    expect(scrollback.read(0, 10).truncated).toBe(true);
    expect(scrollback.read(scrollback.end - 1, 10).output).toBe("c");
  });
});
