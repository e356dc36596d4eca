/** Names as text: every byte sequence has one text and comes back from it, in the order of its bytes. */
import { expect, it } from "vitest";
import { comparePaths, decodePath, encodePath, isPathText, showPath } from "./path-bytes.ts";

const samples = [
  Buffer.from("plain"),
  Buffer.from("é\u200dπ😀"),
  Buffer.of(0xff),
  Buffer.of(0xc3),
  Buffer.of(0xe2, 0x82, 0x41),
  Buffer.of(0xed, 0xa0, 0x80),
  Buffer.of(0xf0, 0x9f, 0x98),
  Buffer.of(0xc0, 0xaf),
  Buffer.of(0xef, 0xbb, 0xbf, 0x61),
  Buffer.of(0x61, 0x80, 0xf4, 0x90, 0x80, 0x80),
];

it("gives every byte back", () => {
  for (const bytes of samples) expect(encodePath(decodePath(bytes))).toEqual(bytes);
  for (let byte = 1; byte < 256; byte += 1) {
    const bytes = Buffer.of(0x61, byte, 0xc3, byte);
    expect(encodePath(decodePath(bytes))).toEqual(bytes);
    expect(isPathText(decodePath(bytes))).toBe(true);
  }
});

it("knows a second spelling of the same bytes, and surrogates that stand for nothing", () => {
  for (const text of ["\udce2\udc82\udcac", "\ud800", "\udc00", "\udc41", "a\udfff"])
    expect(isPathText(text)).toBe(false);
  for (const text of ["€", "\udce2\udc82", "😀"]) expect(isPathText(text)).toBe(true);
});

it("compares as a sorted walk goes", () => {
  const sorted = ["a", "a/b", "a/b/c", "a b", "a-b", "aa", "é", "\ufffd", "😀", "😁", "\udcff"];
  expect([...sorted].reverse().sort(comparePaths)).toEqual(sorted);
});

it("shows on one line what cannot be seen", () => {
  expect(showPath('a\n\u001b[31m"\\\u007f\udcff\u202ex')).toBe('"a\\n\\x1b[31m\\"\\\\\\x7f\\xff\\u{202e}x"');
});
