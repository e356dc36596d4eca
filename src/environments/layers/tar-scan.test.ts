/** The scanner of layers takes the tars that programs make, and answers broken ones with a problem, never with anything else. */
import { describe, expect, it } from "vitest";
import { oldSparse } from "../../../tests/support/many-layers.ts";
import { pax, type TarPart, tarOf } from "../../../tests/support/tar-maker.ts";
import { Budget } from "./budget.ts";
import type { LayerEntry } from "./inode.ts";
import { layerLimits } from "./limits.ts";
import { LayerProblem } from "./problems.ts";
import { TarScanner } from "./tar-scan.ts";

function scan(tar: Buffer, piece = tar.length): LayerEntry[] {
  const entries: LayerEntry[] = [];
  const scanner = new TarScanner(3, new Budget(layerLimits), (entry) => void entries.push(entry));
  for (let at = 0; at < tar.length; at += piece) scanner.feed(tar.subarray(at, at + piece));
  scanner.end();
  return entries;
}

const only = (...parts: TarPart[]) => scan(tarOf(parts))[0];
/** A field as base 256 has it. */
const base256 = (value: bigint, length: number) => {
  const field = Buffer.alloc(length);
  for (let at = length - 1, rest = value; at > 0; at -= 1, rest >>= 8n) field[at] = Number(rest & 255n);
  field[0] = 0x80;
  return field;
};
const problemOf = (action: () => unknown): LayerProblem => {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof LayerProblem) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
};

describe("an entry", () => {
  it("has what its header says, and its content where it lies", () => {
    const entry = only({ name: "a", content: "abc", mode: 0o4751, owner: [1, 2], mtime: 9 });
    const content = { layer: 3, offset: 512, stored: 3, parts: undefined };
    expect(entry).toMatchObject({
      name: "a",
      inode: { kind: "file", mode: 0o4751, uid: 1, gid: 2, mtime: 9, content },
    });
  });

  it("is the same in pieces of any size", () => {
    const tar = tarOf([
      pax({ path: "p".repeat(200) }),
      { name: "a", content: "x".repeat(700) },
      { name: "d/", type: "5" },
    ]);
    for (const piece of [1, 7, 511, 512, 513, 1000]) expect(scan(tar, piece)).toEqual(scan(tar));
  });

  it("takes pax over GNU's long name over the header", () => {
    const long = { name: "L", type: "L", content: "gnu\0" };
    expect(only(long, { name: "plain" })?.name).toBe("gnu");
    expect(only(long, pax({ path: "pax" }), { name: "plain" })?.name).toBe("pax");
  });

  it("takes the last of several pax records, and an empty one takes back", () => {
    expect(only(pax({ uid: "5", mtime: "-3.5" }), { name: "a", owner: [9, 9] })?.inode).toMatchObject({
      uid: 5,
      mtime: 0,
    });
    expect(only(pax({ path: "" }), { name: "plain" })?.name).toBe("plain");
  });

  it("passes over global pax headers", () => {
    expect(only(pax({ path: "evil" }, "g"), { name: "plain" })?.name).toBe("plain");
  });

  it("may be a directory by its slash", () => {
    expect(only({ name: "old/", type: "\0", magic: "\0".repeat(8) })?.inode.kind).toBe("directory");
  });

  it("has the prefix of a POSIX header in its name", () => {
    expect(only({ name: "b", prefix: "a" })?.name).toBe("a/b");
  });

  it("may have a size in base 256 or in pax", () => {
    expect(only({ name: "a", content: "abc", size: base256(3n, 12) })?.inode.size).toBe(3);
    const tar = tarOf([pax({ size: "600" }), { name: "a", content: "x".repeat(600), size: 0 }, { name: "b" }]);
    expect(scan(tar).map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("needs no end behind it", () => {
    expect(scan(tarOf([{ name: "a" }], Buffer.alloc(0)))).toHaveLength(1);
    expect(scan(tarOf([{ name: "a" }], Buffer.alloc(512)))).toHaveLength(1);
  });

  it.each([
    ["a few bytes", "abc"],
    ["a block and some", "x".repeat(700)],
    ["nothing", ""],
  ])("may end with its content, without padding or with a part of it: %s", (_, content) => {
    const tar = tarOf([{ name: "first" }, { name: "a", content }], Buffer.alloc(0));
    for (let length = 1024 + content.length; length <= tar.length; length += 1)
      expect(scan(tar.subarray(0, length), 100).at(-1)).toEqual(scan(tar).at(-1));
  });

  it("of a sparse file may end so too", () => {
    const map = pax({ "GNU.sparse.size": "100", "GNU.sparse.map": "0,4" });
    const tar = tarOf([map, { name: "s", content: "abcd" }], Buffer.alloc(0));
    expect(scan(tar.subarray(0, 1540))).toEqual(scan(tar));
    expect(problemOf(() => scan(tar.subarray(0, 1539))).code).toBe("layer_truncated");
  });

  it("counts only before the end", () => {
    expect(scan(Buffer.concat([tarOf([{ name: "a" }]), tarOf([{ name: "b" }])]))).toHaveLength(1);
  });
});

describe("a sparse file", () => {
  const parts = [
    [1024, 512],
    [4096, 512],
  ];

  it("of GNU's old form keeps its map", () => {
    expect(scan(Buffer.concat([oldSparse("s"), Buffer.alloc(1024)]))[0]?.inode).toMatchObject({
      size: 8192,
      content: { stored: 1024, parts },
    });
  });

  it("of pax 0.0 and 1.0 too", () => {
    const numbers = pax({ "GNU.sparse.offset": "0", "GNU.sparse.numbytes": "4" }).content?.toString() ?? "";
    const oldest = pax({ "GNU.sparse.size": "100" }).content?.toString() ?? "";
    const zero = only({ name: "x", type: "x", content: oldest + numbers }, { name: "s", content: "abcd" });
    expect(zero?.inode).toMatchObject({ size: 100, content: { stored: 4, parts: [[0, 4]] } });
    const told = pax({
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": "n",
      "GNU.sparse.realsize": "9000",
    });
    const one = only(told, {
      name: "s",
      content: Buffer.concat([Buffer.from("1\n8000\n4\n".padEnd(512, "\0")), Buffer.from("abcd")]),
    });
    expect(one).toMatchObject({
      name: "n",
      inode: { size: 9000, content: { offset: 2048, stored: 4, parts: [[8000, 4]] } },
    });
  });

  it.each([
    ["overlaps", "0,4,2,4", 8],
    ["leaves the file", "98,4", 4],
    ["does not match what is stored", "0,4", 5],
    ["is cut", "0", 4],
  ])("is refused where its map %s", (_, map, stored) => {
    const told = pax({ "GNU.sparse.size": "100", "GNU.sparse.map": map });
    expect(problemOf(() => only(told, { name: "s", content: "x".repeat(stored) })).code).toBe("layer_invalid");
  });
});

describe("a layer is refused", () => {
  it.each<[string, TarPart[], string]>([
    ["for a wrong checksum", [{ name: "a", checksum: "000000\0 " }], "layer_invalid"],
    ["for an unknown format", [{ name: "a", magic: "rubbish!" }], "layer_invalid"],
    ["for an unknown type", [{ name: "a", type: "M" }], "layer_invalid"],
    ["for a broken number", [{ name: "a", size: Buffer.from("12x45678901\0") }], "layer_invalid"],
    ["for a negative size", [{ name: "a", size: Buffer.alloc(12, 255) }], "layer_invalid"],
    ["for a size beyond all bounds", [{ name: "a", size: base256(1n << 80n, 12) }], "layer_invalid"],
    ["for a broken pax record", [{ name: "x", type: "x", content: "99 path=a\n" }, { name: "a" }], "layer_invalid"],
    ["for a name with a NUL byte", [pax({ path: "a\0b" }), { name: "a" }], "layer_invalid"],
    ["for an owner beyond 32 bits", [pax({ uid: "4294967296" }), { name: "a" }], "layer_invalid"],
    ["for a symlink to nothing", [{ name: "a", type: "2", link: "" }], "layer_invalid"],
    ["for a long pax header", [{ name: "x", type: "x", size: 2_000_000 }], "image_too_large"],
    ["where an entry is announced and does not come", [pax({ path: "a" })], "layer_invalid"],
  ])("%s", (_, parts, code) => {
    expect(problemOf(() => scan(tarOf(parts, Buffer.alloc(0)))).code).toBe(code);
  });

  it("where it ends within an entry's header or content", () => {
    const tar = tarOf([{ name: "a", content: "abc" }], Buffer.alloc(0));
    const long = tarOf([{ name: "L", type: "L", content: "long\0" }, { name: "a" }]);
    for (const cut of [tar.subarray(0, 100), tar.subarray(0, 512), tar.subarray(0, 514), long.subarray(0, 520)])
      expect(problemOf(() => scan(cut)).code).toBe("layer_truncated");
    const next = Buffer.concat([tar, tar.subarray(0, 100)]);
    expect(problemOf(() => scan(next)).code).toBe("layer_truncated");
  });

  it("where an empty block is followed by an entry", () => {
    const tar = Buffer.concat([tarOf([{ name: "a" }], Buffer.alloc(512)), tarOf([{ name: "b" }])]);
    expect(problemOf(() => scan(tar)).code).toBe("layer_invalid");
  });

  it.each([
    ["entries", { entries: 2 }],
    ["names", { described_bytes: 100 }],
  ])("beyond a limit on %s", (_, lower) => {
    const tar = tarOf([1, 2, 3].map((each) => ({ name: `${each}`.repeat(50) })));
    const scanner = new TarScanner(0, new Budget({ ...layerLimits, ...lower }), () => undefined);
    expect(problemOf(() => scanner.feed(tar)).code).toBe("image_too_large");
  });
});
