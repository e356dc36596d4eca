/** Exports of hostile trees: whole and harmless, or refused with nothing left behind (EXP-01 to EXP-13). */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../../tests/support/bundle.ts";
import { makeRandomTree } from "../../../tests/support/random-tree.ts";
import { collect, entry, inPlace, stream } from "../../../tests/support/tree-oracle.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { treeLimits } from "../../contract/tree-check.ts";
import { statePaths } from "../../store/paths.ts";
import { BaselineRecording } from "../baseline/recording.ts";
import { openSeed } from "../seed/open.ts";
import { exportFile, exportTree } from "./export.ts";

const umask = process.umask(0o022);
let endless: string;

beforeAll(async () => {
  endless = await bundle("tests/support/export-endlessly.ts");
}, 30_000);

afterAll(() => {
  process.umask(umask);
  rmSync(join(endless, ".."), { recursive: true });
});

const dir = (path: string) => entry(path, "directory");
const file = (path: string, text = "") => entry(path, "file", { text });
const link = (path: string, link_target: string) => entry(path, "symlink", { link_target });

describe("an export is refused as a whole", () => {
  async function* endlessChunks(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(65_536);
  }
  const strange = JSON.parse('{"path":"h","kind":"hardlink","mode":420,"size_bytes":0,"link_target":null}');
  const cases: [string, SourceEntry[], string][] = [
    ["EXP-01 ..", [file("../../.ssh/authorized_keys")], "path_escape"],
    ["EXP-01 absolute", [file("/tmp/x")], "path_escape"],
    ["EXP-01 NUL", [file("a\0b")], "tree_inconsistent"],
    ["EXP-01 \\..", [file("..\\..\\x")], "path_escape"],
    ["EXP-01 \\ at the beginning", [file("\\\\server\\x")], "path_escape"],
    ["EXP-01 a drive", [file("C:\\x")], "path_escape"],
    ["EXP-01 two spellings of one name", [file("é"), file("\udcc3\udca9")], "tree_inconsistent"],
    ["EXP-03 hard link", [{ ...strange, content: endlessChunks }], "unsupported_type"],
    ["below a link", [link("l", "."), file("l/x")], "path_escape"],
    ["below a file", [file("f"), file("f/x")], "tree_inconsistent"],
    ["a path twice", [file("f"), file("f")], "duplicate_entry"],
    ["a type that changes", [dir("d"), link("d", "x")], "duplicate_entry"],
    ["EXP-09 100 GB", [{ ...file("f"), size_bytes: 1e11 }], "too_large"],
    ["EXP-13 more than announced", [{ ...file("f"), size_bytes: 10, content: endlessChunks }], "length_mismatch"],
    ["EXP-13 less than announced", [{ ...file("f", "ten"), size_bytes: 10_000 }], "length_mismatch"],
    ["a symlink to nothing", [link("l", "")], "tree_inconsistent"],
  ];

  it.each(cases)("%s", async (_, entries, code) => {
    await inPlace(async ({ inside }) => {
      const sent = stream([dir("ok"), file("ok/f", "x"), ...entries]);
      await expect(exportTree(sent, join(inside, "out"))).rejects.toMatchObject({ code });
      expect(readdirSync(inside)).toEqual([]);
    });
  });

  it("EXP-09 with entries without end, or bytes without end", async () => {
    async function* forever(): AsyncGenerator<SourceEntry> {
      for (let at = 0; ; at += 1) yield file(`.git${at}`);
    }
    await inPlace(async ({ inside }) => {
      const limits = { ...treeLimits, entries: 200 };
      await expect(exportTree(forever(), join(inside, "out"), { limits })).rejects.toMatchObject({ code: "too_large" });
      const signal = AbortSignal.abort();
      await expect(exportTree(forever(), join(inside, "out"), { signal })).rejects.toMatchObject({ code: "cancelled" });
      expect(readdirSync(inside)).toEqual([]);
    });
  });
});

describe("an export", () => {
  it("EXP-04 makes links that stay inside and lists those that do not", async () => {
    await inPlace(async ({ inside, outside }) => {
      const out = join(inside, "out");
      const inner = [
        dir("a"),
        dir("a/b"),
        dir("a/b/c"),
        link("a/in", "b/../b"),
        link("root", "."),
        link("a/dangling", "none"),
      ];
      const outer = [
        link("abs", outside),
        link("up", ".."),
        link("a/b/c/up", "../.."),
        link("a/b/escape", "c/up/../.."),
      ];
      const result = await exportTree(stream([...inner, ...outer]), out);
      expect(result.skipped_links.map(({ path }) => path)).toEqual(["abs", "up", "a/b/escape"]);
      expect(readlinkSync(join(out, "a/b/c/up"))).toBe("../..");
      expect(readlinkSync(join(out, "a/in"))).toBe("b/../b");
      expect(readdirSync(out).sort()).toEqual(["a", "root"]);
      expect(result.entries).toBe(7);
    });
  });

  it("EXP-05 goes only where nothing is, and replaces when told to", async () => {
    await inPlace(async ({ inside, outside }) => {
      const [out, planted, text] = [join(inside, "out"), join(inside, "link"), join(inside, "text")];
      mkdirSync(join(out, "old"), { recursive: true });
      symlinkSync(outside, planted);
      writeFileSync(text, "old");
      for (const path of [out, planted, text]) {
        await expect(exportTree(stream([file("f")]), path)).rejects.toMatchObject({ code: "output_exists" });
        await expect(exportFile(file("f"), path)).rejects.toMatchObject({ code: "output_exists" });
      }
      for (const path of [out, planted, text]) {
        await exportTree(stream([file("f", "new")]), path, { force: true });
        expect([lstatSync(path).isDirectory(), readdirSync(path)]).toEqual([true, ["f"]]);
        await exportFile(file("g", "newer"), path, { force: true });
        expect([lstatSync(path).isFile(), readFileSync(path, "utf8")]).toEqual([true, "newer"]);
      }
      await exportFile(file("g", "newest"), text, { force: true });
      expect([readFileSync(text, "utf8"), readdirSync(inside).sort()]).toEqual(["newest", ["link", "out", "text"]]);
      await expect(exportTree(stream([]), "/")).rejects.toMatchObject({ code: "output_exists" });
      const nowhere = join(inside, "missing/out");
      await expect(exportTree(stream([]), nowhere)).rejects.toMatchObject({ code: "output_not_writable" });
    });
  });

  it("EXP-07 leaves out every .git, however it is written, and names repositories without that name", async () => {
    const spellings = [
      ".git",
      ".GIT",
      ".g\u200cit",
      ".Git\ufeff",
      "git~1",
      "GIT~2",
      ".git. ",
      ".git::$INDEX_ALLOCATION",
      ".git\\config",
    ];
    await inPlace(async ({ inside }) => {
      const out = join(inside, "out");
      const git = spellings.flatMap((name) => [dir(name), file(`${name}/config`, "[core]\n\tfsmonitor = x")]);
      const module = [dir("sub"), file("sub/.git", "gitdir: ../x"), file("sub/.gitignore")];
      const bare = [dir("b"), file("b/HEAD"), file("b/config"), dir("b/objects"), dir("b/refs")];
      const result = await exportTree(stream([...git, ...module, ...bare, file(".gitmodules")]), out);
      expect(result.omitted).toEqual([...spellings, "sub/.git"]);
      expect(readdirSync(out, { recursive: true }).sort()).toEqual([
        ".gitmodules",
        "b",
        "b/HEAD",
        "b/config",
        "b/objects",
        "b/refs",
        "sub",
        "sub/.gitignore",
      ]);
      expect(result.review_before_trusting).toEqual([".gitmodules", "b"]);
    });
  });

  it("EXP-08 lists what programs act on, where it is not as it was seeded", async () => {
    const named = [
      ".envrc",
      ".mcp.json",
      "AGENTS.md",
      "package.json",
      "Makefile",
      ".claude/settings.json",
      ".cursor/rules",
      ".vscode/tasks.json",
      ".github/workflows/ci.yml",
    ];
    await inPlace(async ({ inside }) => {
      const directories = [".claude", ".cursor", ".vscode", ".github", ".github/workflows", "src"].map(dir);
      const tree = [
        ...directories,
        ...named.map((path) => file(path, path)),
        file("src/a.c"),
        link("src/makefile", "a.c"),
      ];
      const first = await exportTree(stream(tree), join(inside, "one"));
      expect(first.review_before_trusting).toEqual([...named, "src/makefile"]);
      const hash = (text: string) => createHash("sha256").update(text).digest("hex");
      const isSeeded = (path: string, sha256: string) =>
        path !== "Makefile" && [hash(path), hash("a.c")].includes(sha256);
      const second = await exportTree(stream(tree), join(inside, "two"), { isSeeded });
      expect(second.review_before_trusting).toEqual(["Makefile"]);
      const one = await exportFile(file("package.json", "{}"), join(inside, "package.json"), { isSeeded });
      expect(one).toMatchObject({ entries: 1, bytes_written: 2, review_before_trusting: ["package.json"] });
    });
  });

  it("EXP-12 knows two modes", async () => {
    await inPlace(async ({ inside }) => {
      const modes = [0o6777, 0o6644, 0o000, 0o100, 0o7022, 0o600];
      await exportTree(stream(modes.map((mode, at) => ({ ...file(`f${at}`), mode }))), join(inside, "out"));
      const written = modes.map((_, at) => lstatSync(join(inside, "out", `f${at}`)).mode & 0o7777);
      expect(written).toEqual([0o755, 0o644, 0o644, 0o755, 0o644, 0o644]);
      expect(lstatSync(join(inside, "out")).mode & 0o7777).toBe(0o755);
    });
  });

  it("comes in any order of directories, and with more files than are synced one by one", async () => {
    await inPlace(async ({ inside }) => {
      const directories = Array.from({ length: 10 }, (_, at) => dir(`d${at}`));
      const files = Array.from({ length: 300 }, (_, at) => file(`d${at % 10}/f${at}`, `${at}`));
      const result = await exportTree(stream([...directories, ...files]), join(inside, "out"));
      expect(result).toMatchObject({ entries: 310, bytes_written: 790 });
      expect(readFileSync(join(inside, "out/d7/f217"), "utf8")).toBe("217");
    });
  });
});

describe("an export that is killed", () => {
  async function killed(inside: string, mode: string): Promise<void> {
    const child = spawn(process.execPath, [endless, join(inside, "out"), mode], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  it("leaves a name that the next one beside it removes, and only then", async () => {
    await inPlace(async ({ inside }) => {
      const living = spawn(process.execPath, [endless, join(inside, "other"), "write"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await new Promise((resolve) => living.stdout.once("data", resolve));
      await killed(inside, "write");
      const left = readdirSync(inside);
      expect(left).toEqual([expect.stringMatching(/^\.pyro-export-/), expect.stringMatching(/^\.pyro-export-/)]);
      await exportTree(stream([file("f")]), join(inside, "out"));
      expect(readdirSync(inside)).toEqual([expect.stringMatching(/^\.pyro-export-/), "out"]);
      const ended = new Promise((resolve) => living.once("exit", resolve));
      living.kill("SIGKILL");
      await ended;
      await exportFile(file("f"), join(inside, "single"));
      expect(readdirSync(inside)).toEqual(["out", "single"]);
    });
  });

  it("between the two halves of a replacement gives back what it took away", async () => {
    await inPlace(async ({ inside }) => {
      const stale = join(inside, ".pyro-export-0123456789abcdef");
      mkdirSync(join(stale, "replaced/out"), { recursive: true });
      mkdirSync(join(stale, "made"));
      writeFileSync(join(stale, "replaced/out/precious"), "x");
      await exportTree(stream([]), join(inside, "another"));
      expect(readdirSync(inside).sort()).toEqual(["another", "out"]);
      expect(readdirSync(join(inside, "out"))).toEqual(["precious"]);
    });
  });
});

describe("a tree goes through baseline and export", () => {
  it.each(Array.from({ length: 25 }, (_, at) => at + 1))("and comes out the same, seed %i", async (number) => {
    await inPlace(async ({ inside }) => {
      const [tree, out, kept] = ["tree", "out", "kept"].map((name) => join(inside, name)) as [string, string, string];
      for (const path of [tree, kept]) mkdirSync(path);
      makeRandomTree(tree, number);
      const paths = statePaths({ PYRO_HOME: join(inside, "home") });
      paths.prepareCache();
      const recording = new BaselineRecording(kept);
      for await (const _ of recording.pass((await openSeed(tree, { paths, env: {} })).entries));
      const baseline = await recording.finish();
      const { skipped_links } = await exportTree(baseline.source(), out);
      baseline.close();
      expect(skipped_links).toEqual([]);
      const again = await collect((await openSeed(out, { paths, env: {} })).entries);
      expect(again).toEqual(await collect((await openSeed(tree, { paths, env: {} })).entries));
      execFileSync("/usr/bin/diff", ["-r", "--no-dereference", tree, out]);
    });
  });
});
