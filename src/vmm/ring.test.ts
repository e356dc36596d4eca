/** The ring keeps the end of a stream, whatever the chunks. */
import { describe, expect, it } from "vitest";
import { Ring, shownPanic } from "./ring.ts";

function kept(capacity: number, chunks: readonly string[]): string {
  const ring = new Ring(capacity);
  for (const chunk of chunks) ring.push(Buffer.from(chunk));
  return ring.text();
}

describe("Ring", () => {
  it.each([
    [[], ""],
    [["ab"], "ab"],
    [["abcd"], "abcd"],
    [["abcde"], "bcde"],
    [["a", "b", "c", "d", "e", "f"], "cdef"],
    [["abc", "de"], "bcde"],
    [["abcdefghij"], "ghij"],
    [["abcdefghij", "k"], "hijk"],
    [["ab", "", "c"], "abc"],
    [["", ""], ""],
  ])("keeps the last four bytes of %j", (chunks, text) => {
    expect(kept(4, chunks)).toBe(text);
  });

  it("keeps the end of every stream, for every split", () => {
    const text = "0123456789abcdef";
    for (let at = 0; at <= text.length; at += 1) {
      for (let capacity = 1; capacity <= text.length; capacity += 1) {
        expect(kept(capacity, [text.slice(0, at), text.slice(at)])).toBe(text.slice(-capacity));
      }
    }
  });

  it("joins a character that came in two chunks", () => {
    const ring = new Ring(16);
    const crab = Buffer.from("🦀");
    ring.push(crab.subarray(0, 2));
    ring.push(crab.subarray(2));
    expect(ring.text()).toBe("🦀");
  });

  it("keeps up with a stream of single bytes", () => {
    const ring = new Ring(65_536);
    const byte = Buffer.from("x");
    const started = performance.now();
    for (let count = 0; count < 500_000; count += 1) ring.push(byte);
    expect(ring.text()).toBe("x".repeat(65_536));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("a console that ends in a panic", () => {
  it("is shown from the panic on, however much comes behind it", () => {
    const text = `boot\n[    2.8] Kernel panic - not syncing: crash\n${"[    2.9] Code: 00\n".repeat(500)}`;
    expect(shownPanic(text)).toMatch(/^\[ {4}2\.8\] Kernel panic - not syncing: crash\n/);
    expect(shownPanic(text)).toHaveLength(2048);
    expect(shownPanic("boot\nready\n")).toBeUndefined();
  });
});
