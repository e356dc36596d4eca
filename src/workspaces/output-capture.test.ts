/** A result keeps head and tail of any output, in bounded memory and time. */
import { describe, expect, it } from "vitest";
import { HEAD_BYTES, OutputCapture, TAIL_BYTES } from "./output-capture.ts";

const KEPT = HEAD_BYTES + TAIL_BYTES;

function capture(bytes: Buffer, chunkBytes: number): OutputCapture {
  const output = new OutputCapture();
  for (let at = 0; at < bytes.length; at += chunkBytes) output.push(bytes.subarray(at, at + chunkBytes));
  return output;
}

/** Bytes whose text shows where they were. */
function numbered(length: number): Buffer {
  return Buffer.from(
    Array.from({ length: Math.ceil(length / 8) }, (_, at) => `${at}`.padStart(7, "0").concat("\n")).join(""),
  ).subarray(0, length);
}

describe("OutputCapture", () => {
  it("keeps everything up to head and tail together", () => {
    for (const length of [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, KEPT]) {
      const bytes = numbered(length);
      const output = capture(bytes, 65_536);
      expect(output.truncated).toBe(false);
      expect(output.text() === bytes.toString()).toBe(true);
    }
  });

  it.each([1000, 65_536, 1_048_576, 5_000_000])(
    "keeps head and tail of what is longer, in chunks of %i",
    (chunkBytes) => {
      const bytes = numbered(4_000_000);
      const output = capture(bytes, chunkBytes);
      const cut = `\n[pyro: ${bytes.length - KEPT} bytes left out]\n`;
      const expected = bytes.subarray(0, HEAD_BYTES).toString() + cut + bytes.subarray(-TAIL_BYTES).toString();
      expect(output.truncated).toBe(true);
      expect(output.text() === expected).toBe(true);
    },
  );

  it("says so when a single byte is left out", () => {
    const output = capture(numbered(KEPT + 1), 65_536);
    expect(output.truncated).toBe(true);
    expect(output.text()).toContain("[pyro: 1 bytes left out]");
  });

  it("keeps characters of several bytes whole, wherever the chunks are split", () => {
    const bytes = Buffer.from("a漢🦀é\n");
    for (let at = 0; at <= bytes.length; at += 1) {
      const output = new OutputCapture();
      output.push(bytes.subarray(0, at));
      output.push(bytes.subarray(at));
      expect(output.text()).toBe("a漢🦀é\n");
    }
    expect(capture(bytes, 1).text()).toBe("a漢🦀é\n");
  });

  it("keeps a character whole that lies across the end of the head", () => {
    const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES - 1, "x"), Buffer.from("🦀 end")]);
    expect(capture(bytes, 65_536).text().endsWith("x🦀 end")).toBe(true);
  });

  it("replaces bytes that are no UTF-8, and nothing else", () => {
    expect(capture(Buffer.from([0x61, 0xff, 0x62, 0xc3, 0xa4]), 2).text()).toBe("a\ufffdbä");
  });

  it("does not depend on the chunk after it was given", () => {
    const output = new OutputCapture();
    const chunk = Buffer.from("before");
    output.push(chunk);
    chunk.fill("x");
    expect(output.text()).toBe("before");
  });

  it("keeps up with single bytes, in bounded memory", { timeout: 20_000 }, () => {
    const output = new OutputCapture();
    const byte = Buffer.from("x");
    const before = process.memoryUsage().rss;
    const started = performance.now();
    for (let count = 0; count < 3_000_000; count += 1) output.push(byte);
    expect(output.text()).toContain(`[pyro: ${3_000_000 - KEPT} bytes left out]`);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(process.memoryUsage().rss - before).toBeLessThan(128 * 1_048_576);
  });
});
