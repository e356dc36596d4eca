/** Names between wire and strings, both ways. */
import { describe, expect, it } from "vitest";
import { comparePaths, decodePath } from "../contract/path-bytes.ts";
import { fromWire, nameBytes, pathProblem, toWire } from "./paths.ts";
import { MAX_PATH_BYTES, MAX_PATH_DEPTH } from "./tree-messages.ts";

/** What Python's `os.fsdecode` makes of the bytes. */
const names: [string, number[], string][] = [
  ["plain text", [0x61, 0x2f, 0x62], "a/b"],
  ["a byte order mark", [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
  ["characters of two, three and four bytes", [...Buffer.from("é漢🦀")], "é漢🦀"],
  ["a byte that begins nothing", [0x61, 0xff, 0x62], "a\udcffb"],
  ["a continuation alone", [0x80], "\udc80"],
  ["an overlong form", [0xc0, 0xaf], "\udcc0\udcaf"],
  ["a surrogate in UTF-8", [0xed, 0xb2, 0x80], "\udced\udcb2\udc80"],
  ["a character cut short", [0xe6, 0xbc, 0x61], "\udce6\udcbca"],
  ["a character beyond the last", [0xf4, 0x90, 0x80, 0x80], "\udcf4\udc90\udc80\udc80"],
  ["valid and invalid by turns", [0xc3, 0xa9, 0xc3, 0xf0, 0x9f, 0xa6, 0x80, 0xf0], "é\udcc3🦀\udcf0"],
  ["newline, escape, backslash, quote", [0x0a, 0x1b, 0x5c, 0x22], '\n\u001b\\"'],
];

describe("a name", () => {
  it.each(names)("with %s goes to bytes, to the wire and back", (_what, bytes, name) => {
    expect(decodePath(Buffer.from(bytes))).toBe(name);
    expect([...(nameBytes(name) ?? [])]).toEqual(bytes);
    const wire = toWire(name);
    expect(wire).toEqual(/\p{Surrogate}/u.test(name) ? { base64: Buffer.from(bytes).toString("base64") } : name);
    expect(wire && fromWire(wire)).toBe(name);
  });

  it("made of any bytes comes back", () => {
    let state = 1;
    for (let round = 0; round < 2000; round += 1) {
      const bytes = Buffer.from(
        Array.from({ length: round % 12 }, () => {
          state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
          return (state >> 16) & 0xff;
        }),
      );
      const name = decodePath(bytes);
      expect(nameBytes(name)?.equals(bytes)).toBe(true);
      const wire = toWire(name);
      expect(wire !== undefined && fromWire(wire)).toBe(name);
    }
  });

  it.each(["\ud800", "a\udbff", "\udc00", "\udc7f", "\udd00", "\udfff"])("%j stands for no bytes", (name) => {
    expect([nameBytes(name), toWire(name)]).toEqual([undefined, undefined]);
    expect(pathProblem(name)).toBe("is not made of bytes");
  });

  it("whose escapes are UTF-8 together goes as text", () => {
    expect(toWire("\udcc3\udca9")).toBe("é");
  });

  it.each([
    ["\udcff"],
    ["x".repeat(MAX_PATH_BYTES + 1)],
    ["é".repeat(MAX_PATH_BYTES / 2 + 1)],
    [{ base64: "YQ==" }],
    [{ base64: "" }],
    [{ base64: "/w" }],
    [{ base64: "/x==" }],
    [{ base64: Buffer.alloc(MAX_PATH_BYTES + 1, 0xff).toString("base64") }],
  ])("is not taken from %j", (wire) => {
    expect(fromWire(wire)).toBeUndefined();
  });
});

describe("a path", () => {
  it.each(["a", "a/b", "-rf", "...", "..a", "a\\..\\b", "~", "%2e%2e/a", "\n", "\udcff/x", "C:/x"])(
    "may be %j",
    (path) => {
      expect(pathProblem(path)).toBeUndefined();
    },
  );

  it.each(["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", "./a", "a\0b"])("may not be %j", (path) => {
    expect(pathProblem(path)).toBeDefined();
  });

  it("has its limits in bytes and in names", () => {
    const deep = (names: number) => Array.from({ length: names }, () => "d").join("/");
    expect(pathProblem("é".repeat(2047))).toBeUndefined();
    expect(pathProblem("é".repeat(2048))).toBeDefined();
    expect(pathProblem("\udcff".repeat(MAX_PATH_BYTES))).toBeUndefined();
    expect([pathProblem(deep(MAX_PATH_DEPTH)), pathProblem(deep(MAX_PATH_DEPTH + 1))]).toEqual([
      undefined,
      `has more than ${MAX_PATH_DEPTH} names`,
    ]);
  });

  it("comes after its directory and before what follows that", () => {
    const inOrder = ["a", "a/x", "a!", "a.d", "b", "é", "\uffff", "🦀", "\udcff"];
    expect([...inOrder].reverse().sort(comparePaths)).toEqual(inOrder);
  });
});
