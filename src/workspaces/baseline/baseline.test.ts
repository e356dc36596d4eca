/** The host's copy of a seed: whole and found again, or damaged and said so. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect, entry, inPlace, stream } from "../../../tests/support/tree-oracle.ts";
import { comparePaths } from "../../contract/path-bytes.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import { TarReader } from "../seed/tar.ts";
import { type Baseline, openBaseline } from "./baseline.ts";
import { BaselineRecording } from "./recording.ts";
import { readStamps, writeStamps } from "./stamps.ts";

const seed = [
  entry("b", "directory", { mode: 0o700 }),
  entry("b/f", "file", { text: "content of f", mode: 0o755 }),
  entry("b/\udcff", "symlink", { link_target: "\udcfe/x" }),
  entry("a", "file", { text: "x".repeat(3_000_000) }),
  entry("empty", "file"),
  entry("b-", "file", { text: "-" }),
];

async function record(directory: string, entries = seed): Promise<Baseline> {
  const recording = new BaselineRecording(directory);
  for await (const each of recording.pass(stream(entries))) for await (const _ of each.content()) break;
  return recording.finish();
}

function directoriesOf(path: string): string[] {
  const names = path.split("/");
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

describe("a baseline", () => {
  it("passes the entries on, and holds them sorted, however much was read of them", async () => {
    await inPlace(async ({ inside }) => {
      const recording = new BaselineRecording(inside);
      const passed = await collect(recording.pass(stream(seed)));
      const baseline = await recording.finish();
      expect(passed.map(({ path }) => path)).toEqual(seed.map(({ path }) => path));
      expect(baseline.entries.map(({ path }) => path)).toEqual(["a", "b", "b/f", "b/\udcff", "b-", "empty"]);
      const again = await collect(baseline.source());
      expect(new Set(again)).toEqual(new Set(passed));
      const f = baseline.find("b/f");
      expect(f).toMatchObject({ mode: 0o755, size_bytes: 12, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(f && String(await baseline.read(f))).toBe("content of f");
      expect(baseline.find("b/\udcff")).toMatchObject({ kind: "symlink", link_target: "\udcfe/x", sha256: null });
      expect(baseline.find("missing")).toBeUndefined();
      baseline.close();
    });
    await inPlace(async ({ inside }) => {
      const baseline = await record(inside);
      await baseline.verify();
      baseline.close();
    });
  });

  it("is a tar archive of exactly these entries, whatever their names and lengths", async () => {
    const long = Array.from({ length: 20 }, (_, at) => "n".repeat(90 + at)).join("/");
    const odd = [
      ...seed,
      ...[100, 101, 155, 255].map((length) => entry("m".repeat(length), "file", { text: "y".repeat(length * 5) })),
      ...directoriesOf(long).map((path) => entry(path, "directory", { mode: 0o500 })),
      entry(`${long}/-f \n\udc80`, "file", { text: "deep" }),
      ...[100, 101, 4000].map((length) => entry(`to ${length}`, "symlink", { link_target: "t".repeat(length) })),
    ];
    await inPlace(async ({ inside }) => {
      const baseline = await record(inside, odd);
      const read = await collect(new TarReader(chunksOf(baseline.archive.file)).entries());
      const inOrder = (entries: typeof read) => entries.toSorted((one, other) => comparePaths(one.path, other.path));
      expect(inOrder(read)).toEqual(await collect(baseline.source()));
      expect(baseline.archive.unpacked_bytes).toBeGreaterThan(3_000_000);
      baseline.close();
    });
  });

  it("leaves nothing where its seed breaks off, and cannot be written twice", async () => {
    await inPlace(async ({ inside }) => {
      const recording = new BaselineRecording(inside);
      for await (const each of recording.pass(stream(seed))) if (each.kind === "file") break;
      await expect(recording.finish()).rejects.toThrow("before its seed has passed");
      recording.discard();
      expect(readdirSync(inside)).toEqual([]);
      (await record(inside)).close();
      expect(() => new BaselineRecording(inside)).toThrow("already");
    });
  });

  it("refuses a file that is not as long as it says", async () => {
    await inPlace(async ({ inside }) => {
      for (const size_bytes of [3, 5]) {
        const recording = new BaselineRecording(inside);
        const lying = { ...entry("f", "file", { text: "four" }), size_bytes };
        const passing = (async () => {
          for await (const _ of recording.pass(stream([lying])));
        })();
        await expect(passing).rejects.toMatchObject({ code: "length_mismatch" });
        recording.discard();
      }
    });
  });

  it("takes the place of a pack that a killed process left", async () => {
    await inPlace(async ({ inside }) => {
      writeFileSync(join(inside, "contents"), "half");
      expect(() => openBaseline(inside)).toThrowError(expect.objectContaining({ code: "baseline_damaged" }));
      (await record(inside)).close();
      const baseline = openBaseline(inside);
      await baseline.verify();
      baseline.close();
    });
  });

  it("says so when its index or pack is damaged", async () => {
    await inPlace(async ({ inside }) => {
      (await record(inside)).close();
      const path = join(inside, "index");
      const index = readFileSync(path);
      const flipped = Buffer.from(index);
      flipped[100] = (flipped[100] ?? 0) ^ 1;
      const broken = [Buffer.alloc(0), Buffer.alloc(index.length), index.subarray(0, -5), flipped, Buffer.from("{}")];
      const damaged = expect.objectContaining({ code: "baseline_damaged" });
      for (const content of broken) {
        writeFileSync(path, content);
        expect(() => openBaseline(inside)).toThrowError(damaged);
      }
      rmSync(path);
      mkdirSync(path);
      expect(() => openBaseline(inside)).toThrowError(damaged);
      rmSync(path, { recursive: true });
      writeFileSync(path, index);
      appendFileSync(join(inside, "contents"), "x");
      expect(() => openBaseline(inside)).toThrowError(damaged);
      truncateSync(join(inside, "contents"), 3_000_000);
      expect(() => openBaseline(inside)).toThrowError(damaged);
    });
  });

  it("finds a changed content by its hash before it has given the last of it", async () => {
    await inPlace(async ({ inside }) => {
      (await record(inside)).close();
      const pack = readFileSync(join(inside, "contents"));
      const at = pack.indexOf("content of f");
      pack.write("CONTENT", at);
      rmSync(join(inside, "contents"));
      writeFileSync(join(inside, "contents"), pack);
      const baseline = openBaseline(inside);
      const f = baseline.find("b/f");
      await expect(f && baseline.read(f)).rejects.toMatchObject({ code: "baseline_damaged" });
      await expect(baseline.verify()).rejects.toMatchObject({ code: "baseline_damaged" });
      baseline.close();
    });
  });
});

describe("the guest's stamps", () => {
  const stamp = { size: "12", mtime_ns: "1700000000123456789", ctime_ns: "1700000000123456790", inode: "77" };

  it("come back as they were written, and are replaced", async () => {
    await inPlace(async ({ inside }) => {
      expect(readStamps(inside)).toBeUndefined();
      const stamps = new Map([
        ["a", stamp],
        ["b/\udcff", { ...stamp, size: "0" }],
      ]);
      const seeded = {
        stamps,
        digests: new Map([
          ["", "18446744073709551615"],
          ["b", "0"],
        ]),
      };
      writeStamps(inside, seeded);
      expect(readStamps(inside)).toEqual(seeded);
      writeStamps(inside, { stamps: new Map(), digests: new Map() });
      expect(readStamps(inside)).toEqual({ stamps: new Map(), digests: new Map() });
      writeFileSync(join(inside, "stamps"), "x");
      expect(() => readStamps(inside)).toThrowError(expect.objectContaining({ code: "baseline_damaged" }));
    });
  });
});
