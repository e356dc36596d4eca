/** Archives: what is read from good ones, and what becomes of those that lie (SEED-01 to SEED-14, SEED-18, SEED-19). */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { pax, type TarPart, tarOf, tarPart } from "../../../tests/support/tar-maker.ts";
import { collect, inPlace } from "../../../tests/support/tree-oracle.ts";
import { treeLimits } from "../../contract/tree-check.ts";
import { runProgram } from "../../platform/programs.ts";
import { StatePaths } from "../../store/paths.ts";
import { openSeed } from "./open.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const dir = (name: string): TarPart => ({ name: `${name}/`, type: "5", mode: 0o755 });
const link = (name: string, target: string): TarPart => ({ name, type: "2", link: target });
const gnuLong = (type: string, content: string | Buffer): TarPart => ({ name: "././@LongLink", type, content });
const base256 = (high: number, low = 0n) => {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(low, 4);
  bytes[0] = high;
  return bytes;
};

async function read(archive: Buffer, name = "seed.tar", limits = treeLimits) {
  let found: Awaited<ReturnType<typeof collect>> = [];
  let commit: string | null = null;
  await inPlace(async ({ inside }) => {
    const path = join(inside, name);
    writeFileSync(path, archive);
    const seed = await openSeed(path, { paths: new StatePaths(inside, inside, 0), env: {}, limits });
    found = await collect(seed.entries);
    commit = seed.summary().commit;
  });
  return { found, commit };
}

async function refusal(archive: Buffer, name?: string, limits?: typeof treeLimits): Promise<string> {
  let code = "accepted";
  await inPlace(async ({ inside }) => {
    const path = join(inside, name ?? "seed.tar");
    writeFileSync(path, archive);
    try {
      const seed = await openSeed(path, { paths: new StatePaths(inside, inside, 0), env: {}, limits });
      await collect(seed.entries);
    } catch (thrown) {
      code = (thrown as { code: string }).code;
    }
  });
  return code;
}

describe("a bad archive is refused:", () => {
  const file = { name: "f", content: "x" };
  const cases: [string, TarPart[], string][] = [
    ["SEED-01 absolute path", [{ name: "/etc/cron.d/x" }], "path_escape"],
    ["SEED-01 absolute pax path", [pax({ path: "/etc/x" }), file], "path_escape"],
    ["SEED-01 absolute long name", [gnuLong("L", "/etc/x\0"), file], "path_escape"],
    ["SEED-01 absolute prefix", [{ name: "x", prefix: "/etc" }], "path_escape"],
    ["SEED-02 ..", [{ name: "../../x" }], "path_escape"],
    ["SEED-02 .. in the middle", [{ name: "a/../../x" }], "path_escape"],
    ["SEED-02 .. with empty names", [{ name: "a//../..//x" }], "path_escape"],
    ["SEED-02 a directory ..", [dir("..")], "path_escape"],
    ["SEED-03 below a link", [link("a", "/outside"), { name: "a/x" }], "path_escape"],
    ["SEED-03 far below a link", [link("a", "/outside"), { name: "a/b/c/x" }], "path_escape"],
    [
      "SEED-05 a chain of links and a hard link",
      [link("a/b/c/up", "../.."), link("a/b/escape", "c/up/../.."), { name: "exfil", type: "1", link: "a/b/escape/s" }],
      "unsupported_type",
    ],
    ["SEED-06 a change of type", [dir("d"), { name: "d/ok" }, link("d", "../out"), { name: "d/x" }], "duplicate_entry"],
    ["SEED-06 below a file", [file, { name: "f/x" }], "tree_inconsistent"],
    ["SEED-07 FIFO", [{ name: "p", type: "6" }], "unsupported_type"],
    ["SEED-07 character device", [{ name: "c", type: "3" }], "unsupported_type"],
    ["SEED-07 block device", [{ name: "b", type: "4" }], "unsupported_type"],
    ["SEED-07 unknown", [{ name: "z", type: "Z" }], "unsupported_type"],
    ["GNU sparse file", [{ name: "s", type: "S" }], "unsupported_type"],
    ["pax sparse file", [pax({ "GNU.sparse.major": "1" }), file], "unsupported_type"],
    [
      "SEED-09 an archive in an archive",
      [pax({ size: "1024" }), { name: "outer", size: 0 }, { name: "hidden", content: "x" }],
      "archive_inconsistent",
    ],
    ["SEED-09 a pax size below the real one", [pax({ size: "0" }), file], "archive_inconsistent"],
    ["SEED-09 a size for all", [pax({ size: "9" }, "g"), file], "archive_inconsistent"],
    [
      "SEED-10 a pax record with a wrong length",
      [{ ...pax({}), content: "99 path=x\n" }, file],
      "archive_inconsistent",
    ],
    ["SEED-10 a pax record without =", [{ ...pax({}), content: "8 pathx\n" }, file], "archive_inconsistent"],
    ["SEED-10 a pax record without newline", [{ ...pax({}), content: "9 path=xy" }, file], "archive_inconsistent"],
    ["SEED-10 a pax record of no length", [{ ...pax({}), content: "0 a=b\n" }, file], "archive_inconsistent"],
    ["SEED-10 a pax size that is no number", [pax({ size: "-1" }), file], "archive_inconsistent"],
    ["SEED-10 a pax path with NUL", [pax({ path: "a\0b" }), file], "archive_inconsistent"],
    ["SEED-10 an empty pax path", [pax({ path: "" }), file], "archive_inconsistent"],
    ["SEED-10 two pax headers", [pax({ path: "a" }), pax({ path: "b" }), file], "archive_inconsistent"],
    ["SEED-10 a long name without NUL", [gnuLong("L", "abc"), file], "archive_inconsistent"],
    ["SEED-10 a long name with more", [gnuLong("L", "a\0b\0"), file], "archive_inconsistent"],
    ["SEED-10 a long name and a pax path", [gnuLong("L", "a\0"), pax({ path: "b" }), file], "archive_inconsistent"],
    ["SEED-10 a long name for nothing", [file, gnuLong("L", "a\0")], "archive_inconsistent"],
    ["an empty link", [link("l", "")], "tree_inconsistent"],
    ["no name", [{ name: "" }], "archive_inconsistent"],
    ["content of a directory", [{ name: "d", type: "5", content: "x" }], "archive_inconsistent"],
    ["content of a symlink", [{ ...link("l", "x"), content: "x" }], "archive_inconsistent"],
    ["a wrong checksum", [{ ...file, checksum: "000000\0 " }], "archive_inconsistent"],
    ["an unknown format", [{ ...file, magic: "other\x0000" }], "archive_inconsistent"],
    ["SEED-11 2^62 bytes", [{ name: "f", size: base256(0x80, 1n << 62n) }], "too_large"],
    ["SEED-11 2^88 bytes", [{ name: "f", size: base256(0xbf) }], "too_large"],
    ["SEED-11 a negative size", [{ name: "f", size: base256(0xff) }], "archive_inconsistent"],
    ["SEED-13 three GiB announced", [{ name: "f", size: 3 * 1024 ** 3 }], "too_large"],
    ["SEED-13 a giant pax header", [{ ...pax({}), size: 2 ** 30 }], "too_large"],
    ["SEED-14 depth of 5,000", [pax({ path: `${"d/".repeat(2_000)}x` }), file], "too_large"],
    [
      "SEED-14 a path of 4,096 bytes",
      [pax({ path: `${`${"n".repeat(127)}/`.repeat(31)}${"n".repeat(128)}` }), file],
      "too_large",
    ],
    ["SEED-14 a name of 256 bytes", [gnuLong("L", `${"n".repeat(256)}\0`), file], "too_large"],
    ["SEED-18 a path twice", [file, { name: "./f", content: "y" }], "duplicate_entry"],
    ["SEED-18 a directory twice with other modes", [dir("d"), { ...dir("d"), mode: 0o700 }], "duplicate_entry"],
  ];

  it.each(cases)("%s", async (_, parts, code) => {
    expect(await refusal(tarOf(parts))).toBe(code);
    expect(await refusal(gzipSync(tarOf(parts)), "seed.tgz")).toBe(code);
  });

  it("SEED-11 cut off anywhere", async () => {
    const whole = tarOf([dir("d"), { name: "d/f", content: "x".repeat(700) }, pax({ path: "y" }), file]);
    for (const length of [0, 1, 511, 512, 600, 1024, 1025, 1536, 2047, 2048, whole.length - 1024, whole.length - 512])
      expect([length, await refusal(whole.subarray(0, length))]).toEqual([length, "archive_truncated"]);
    const packed = gzipSync(whole);
    for (const length of [0, 1, 20, packed.length - 1])
      expect([length, await refusal(packed.subarray(0, length), "seed.tar.gz")]).toEqual([length, "archive_truncated"]);
  });

  it("with damage in its gzip stream", async () => {
    const packed = gzipSync(tarOf([{ name: "f", content: "x".repeat(5_000) }]));
    packed[packed.length - 6] = (packed[packed.length - 6] ?? 0) ^ 0xff;
    expect(await refusal(packed, "seed.tgz")).toBe("archive_inconsistent");
    expect(await refusal(Buffer.from("not gzip at all"), "seed.tgz")).toBe("archive_inconsistent");
  });

  it("with one empty block, or something behind its end", async () => {
    expect(await refusal(tarOf([file], Buffer.alloc(512)))).toBe("archive_truncated");
    expect(await refusal(Buffer.concat([tarOf([file]), tarPart({ name: "hidden" })]))).toBe("archive_inconsistent");
    expect(await refusal(Buffer.concat([tarPart(file), Buffer.alloc(512), tarPart(file)]))).toBe(
      "archive_inconsistent",
    );
  });

  it("SEED-13 a gigabyte of zeros in a megabyte, before memory or disk is full", async () => {
    const zeros = gzipSync(Buffer.alloc(64 * 1_048_576));
    expect(await refusal(zeros, "seed.tgz")).toBe("too_large");
    const limits = { ...treeLimits, total_bytes: 1_000 };
    expect(await refusal(tarOf([{ name: "f", content: Buffer.alloc(1_001) }]), "seed.tar", limits)).toBe("too_large");
  });

  it("SEED-14 with too many entries", async () => {
    const limits = { ...treeLimits, entries: 100 };
    const many = Array.from({ length: 101 }, (_, at) => ({ name: `f${at}` }));
    expect(await refusal(tarOf(many), "seed.tar", limits)).toBe("too_large");
    expect(await refusal(tarOf(many.slice(1)), "seed.tar", limits)).toBe("accepted");
  });

  it("that is no archive, or is not there", async () => {
    expect(await refusal(Buffer.from("x".repeat(600)))).toBe("archive_inconsistent");
    expect(await refusal(Buffer.from("PK"), "seed.zip")).toBe("unsupported_type");
    const options = { paths: new StatePaths("/", "/", 0), env: {} };
    await expect(openSeed("/nonexistent/seed.tar", options)).rejects.toMatchObject({ code: "seed_not_found" });
  });
});

describe("a good archive", () => {
  it("is read entry by entry, with directories that it leaves out", async () => {
    const { found } = await read(
      tarOf([dir("./"), { name: "a/b/f", content: "text", mode: 0o6755 }, dir("a"), link("a/l", "/etc"), dir("e")]),
    );
    expect(found.map(({ path, kind, mode, link_target, text }) => [path, kind, mode, link_target, text])).toEqual([
      ["a", "directory", 0o755, null, ""],
      ["a/b", "directory", 0o755, null, ""],
      ["a/b/f", "file", 0o6755, null, "text"],
      ["a/l", "symlink", 0o644, "/etc", ""],
      ["e", "directory", 0o755, null, ""],
    ]);
  });

  it("SEED-19 keeps the bytes of odd names", async () => {
    const names = ["a\nb", "\u001b[31m", "back\\slash", "dot.", "-rf", "\u007f"].map((name) => Buffer.from(name));
    names.push(
      Buffer.of(0xff, 0xfe),
      Buffer.from("é"),
      Buffer.from("e\u0301"),
      Buffer.from("README"),
      Buffer.from("readme"),
    );
    const { found } = await read(tarOf(names.map((name) => ({ name }))));
    expect(found.map(({ path }) => path)).toEqual(
      names.map((name) => (name[0] === 0xff ? "\udcff\udcfe" : name.toString())),
    );
  });

  it("has long names in each of the three ways, and git's commit", async () => {
    const long = `${"d".repeat(120)}/${"n".repeat(120)}`;
    const { found, commit } = await read(
      gzipSync(
        tarOf([
          pax({ comment: COMMIT }, "g"),
          pax({ path: `1${long}`, mtime: "1.5" }),
          { name: "cut" },
          gnuLong("L", `2${long}\0`),
          gnuLong("K", `${long}\0`),
          { name: "cut", type: "2", link: "cut", magic: "ustar  \0" },
          { name: "n".repeat(90), prefix: "3".repeat(150) },
        ]),
      ),
      "seed.tar.gz",
    );
    expect(found.filter(({ kind }) => kind !== "directory").map(({ path }) => path)).toEqual([
      `1${long}`,
      `2${long}`,
      `${"3".repeat(150)}/${"n".repeat(90)}`,
    ]);
    expect(found.find(({ kind }) => kind === "symlink")?.link_target).toBe(long);
    expect(commit).toBe(COMMIT);
  });

  it("made by tar itself is the tree", async () => {
    await inPlace(async ({ inside }) => {
      const script = `mkdir -p t/${"deep/".repeat(30)} && echo hi > t/deep/f && ln -s f t/deep/l && chmod 755 t/deep/f &&
        for format in gnu pax ustar; do tar --format=$format -cf $format.tar t && tar --format=$format -czf $format.tgz -C t . ; done`;
      expect((await runProgram("/bin/sh", ["-c", script], { cwd: inside })).exit_code).toBe(0);
      const options = { paths: new StatePaths(inside, inside, 0), env: {} };
      const names = ["gnu.tar", "pax.tar", "ustar.tar", "gnu.tgz", "pax.tgz", "ustar.tgz"];
      for (const name of names) {
        const entries = await collect((await openSeed(join(inside, name), options)).entries);
        expect([name, entries.length]).toEqual([name, name.endsWith(".tar") ? 33 : 32]);
        expect(entries.find(({ path }) => path.endsWith("deep/f"))).toMatchObject({ mode: 0o755, text: "hi\n" });
      }
    });
  });

  it("goes on behind content that was read in part", async () => {
    await inPlace(async ({ inside }) => {
      const path = join(inside, "seed.tar");
      writeFileSync(path, tarOf([{ name: "f", content: tarOf([{ name: "hidden" }]) }, { name: "g" }]));
      const seed = await openSeed(path, { paths: new StatePaths(inside, inside, 0), env: {} });
      const seen: string[] = [];
      for await (const entry of seed.entries) {
        seen.push(entry.path);
        for await (const _ of entry.content()) break;
      }
      expect(seen).toEqual(["f", "g"]);
    });
  });
});
