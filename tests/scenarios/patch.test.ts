/** Patches that are applied through the real agent, on the fake machine: exactly, and all of them or nothing. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentClient } from "../../src/wire/client.ts";
import { applyPatch, type PatchedFile } from "../../src/workspaces/patch/apply.ts";
import { withFakeAgent } from "../support/fake-agent.ts";
import { fileNode, readModel, shown, writeModel } from "../support/file-model.ts";
import { watchedAgent } from "../support/watched-agent.ts";

let agent: AgentClient;
let home: string;
let root: string;

withFakeAgent((made) => {
  agent = made;
});
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "pyro-patch-")));
  root = join(home, "tree");
  mkdirSync(root);
});
afterEach(() => rmSync(home, { recursive: true }));

const { signal } = new AbortController();
const at = (path: string) => ({ agent, root: path, deadline_ms: 10_000 });

async function apply(patch: string): Promise<readonly PatchedFile[]> {
  return (await applyPatch({ tree: at(root), patch, signal })).files;
}

/** Checks that a patch is refused and that nothing is other than before, not even a time. */
async function refused(patch: string, error: Readonly<Record<string, unknown>>): Promise<void> {
  const before = [state(root), shown(readModel(root))];
  await expect(apply(patch)).rejects.toMatchObject(error);
  expect([state(root), shown(readModel(root))]).toEqual(before);
}

function state(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => `${name} ${statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs}`);
}

const put = (files: Readonly<Record<string, string | Buffer>>) =>
  writeModel(root, new Map(Object.entries(files).map(([path, content]) => [path, fileNode(content)])));

const content = (path: string) => readFileSync(join(root, path), "latin1");

const change = (path: string, old = "x", fresh = "y") =>
  `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${old}\n+${fresh}\n`;

describe("a patch", () => {
  it("adds, modifies, deletes and renames files, and says so", async () => {
    put({ kept: "a\nb\nc\n", gone: "1\n2\n", "d/old": "x\n", exact: "old\r\n\xff\xfe\n" });
    chmodSync(join(root, "d/old"), 0o750);
    const files = await apply(
      [
        "diff --git a/kept b/kept\n--- a/kept\n+++ b/kept\n@@ -1,3 +1,4 @@\n a\n-b\n+B\n+b\n c\n",
        "diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n",
        "diff --git a/d/old b/e/f/new\nrename from d/old\nrename to e/f/new\n--- a/d/old\n+++ b/e/f/new\n@@ -1 +1 @@\n-x\n+y\n",
        "diff --git a/fresh b/fresh\nnew file mode 100755\n--- /dev/null\n+++ b/fresh\n@@ -0,0 +1 @@\n+f\n\\ No newline at end of file\n",
        change("exact", "old\r", "new\r"),
        "diff --git a/empty b/empty\nnew file mode 100644\n",
      ].join(""),
    );
    expect(files).toEqual([
      { path: "kept", status: "modified", old_path: null, additions: 2, deletions: 1 },
      { path: "gone", status: "deleted", old_path: null, additions: 0, deletions: 2 },
      { path: "e/f/new", status: "renamed", old_path: "d/old", additions: 1, deletions: 1 },
      { path: "fresh", status: "added", old_path: null, additions: 1, deletions: 0 },
      { path: "exact", status: "modified", old_path: null, additions: 1, deletions: 1 },
      { path: "empty", status: "added", old_path: null, additions: 0, deletions: 0 },
    ]);
    expect(content("kept")).toBe("a\nB\nb\nc\n");
    expect(content("e/f/new")).toBe("y\n");
    expect(content("fresh")).toBe("f");
    expect(content("exact")).toBe(Buffer.from("new\r\n\xff\xfe\n").toString("latin1"));
    const modes = ["e/f/new", "fresh"].map((name) => statSync(join(root, name)).mode & 0o777);
    expect(modes).toEqual([0o750, 0o755]);
    expect(readdirSync(root)).not.toContain("gone");
  });

  it("leaves every byte of the lines around it as it was", async () => {
    const rest = Buffer.from([0xff, 0, 0x80, 0x0a, 0xc3, 0x28, 0x0d, 0x0a]);
    writeFileSync(join(root, "f"), Buffer.concat([Buffer.from("x\n"), rest]));
    await apply(change("f"));
    expect(readFileSync(join(root, "f"))).toEqual(Buffer.concat([Buffer.from("y\n"), rest]));
  });

  it("changes the executable bit", async () => {
    put({ f: "x\n" });
    const bit = (old: string, fresh: string) => `diff --git a/f b/f\nold mode ${old}\nnew mode ${fresh}\n`;
    await apply(bit("100644", "100755"));
    expect(statSync(join(root, "f")).mode & 0o777).toBe(0o755);
    await refused(bit("100644", "100755"), { code: "patch_already_applied" });
    await apply(bit("100755", "100644"));
    expect(statSync(join(root, "f")).mode & 0o777).toBe(0o644);
  });

  it("puts a file in the place of a directory that it empties, and a directory in that of a file", async () => {
    put({ "d/in/a": "a\n", f: "f\n" });
    mkdirSync(join(root, "d/hollow"));
    const gone = (path: string, line: string) => `--- a/${path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-${line}\n`;
    const fresh = (path: string) => `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+new\n`;
    await refused(fresh("d"), { code: "patch_does_not_fit" });
    await apply(gone("d/in/a", "a") + fresh("d") + gone("f", "f") + fresh("f/x"));
    expect([content("d"), content("f/x")]).toEqual(["new\n", "new\n"]);
  });

  it("is not applied twice, nor where that cannot be told", async () => {
    put({ f: "x\n", "gone/a": "a\n" });
    const patch = `${change("f")}diff --git a/gone/a b/to\nrename from gone/a\nrename to to\n`;
    await apply(patch);
    await refused(patch, { code: "patch_already_applied" });
    put({ same: "a\n".repeat(8) });
    const more = "--- a/same\n+++ b/same\n@@ -1,6 +1,7 @@\n a\n a\n a\n+a\n a\n a\n a\n";
    await refused(more, { code: "patch_already_applied", message: expect.stringContaining("once more") });
  });

  it("that is half applied does not fit", async () => {
    put({ f: "y\n", g: "x\n" });
    await refused(change("f") + change("g"), { code: "patch_does_not_fit", details: { path: "f" } });
  });

  it("leaves all as it was where its second file does not fit", async () => {
    put({ f: "x\n", g: "other\n" });
    await refused(change("f") + change("g"), { code: "patch_does_not_fit", details: { path: "g" } });
  });

  it("says where it does not fit, what it expected and what it found", async () => {
    put({ f: "1\n2\n3\n4\nx\n5\n", crlf: "x\r\nz\r\n" });
    const hunk = (line: number) => `--- a/f\n+++ b/f\n@@ -${line},3 +${line},3 @@\n 4\n-x\n+y\n 5\n`;
    await refused(hunk(2), {
      code: "patch_does_not_fit",
      message: '"f": the hunk at line 3 of the patch does not fit at line 2',
      hint: expect.stringContaining("would fit at line 4"),
      details: { path: "f", line: 2, patch_line: 3, expected: "4\nx\n5\n", found: "2\n3\n4\n" },
    });
    await refused(hunk(1_000_000), { hint: expect.stringContaining("line 4"), details: { found: "" } });
    await refused(change("crlf"), { hint: expect.stringContaining("CR LF") });
    put({ twice: "a\nx\na\nx\na\nx\n", long: `${"l".repeat(10_000)}\n` });
    await refused(change("twice"), { hint: "Read the file again and make the patch anew" });
    await refused(change("long"), { details: { found: "l".repeat(2_048) } });
  });

  it("is refused where a file is not what it has to be", async () => {
    put({ there: "x\n", more: "1\n2\n", "d/in": "" });
    symlinkSync("there", join(root, "link"));
    mkdirSync(join(home, "outside"));
    writeFileSync(join(home, "outside/secret"), "x\n");
    symlinkSync(join(home, "outside"), join(root, "out"));
    const added = (path: string) => `--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+new\n`;
    const misfit = { code: "patch_does_not_fit" };
    await refused(change("missing"), misfit);
    await refused(added("there"), misfit);
    await refused(added("d"), misfit);
    await refused(added("link"), misfit);
    await refused(change("d"), misfit);
    await refused(change("link"), misfit);
    await refused("--- a/more\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n", misfit);
    await refused("diff --git a/more b/more\ndeleted file mode 100644\n", misfit);
    await refused("--- a/more\n+++ b/more\n@@ -1,0 +2 @@\n+new\n", {
      ...misfit,
      hint: expect.stringContaining("context"),
    });
    await refused(added("out/f"), { code: "path_escape" });
    await refused(change("out/secret"), { code: "path_escape" });
    await refused(added("there/below"), { code: "dest_not_directory" });
    await refused(change("../outside"), { code: "path_escape" });
  });

  it("is refused at once where a file is larger than may be patched", async () => {
    writeFileSync(join(root, "f"), Buffer.alloc(64 * 1_048_576 + 1, "x\n"));
    await expect(apply(change("f"))).rejects.toMatchObject({
      code: "too_large",
      message: expect.stringMatching(/^"f" is larger/),
    });
  });

  it("is refused where a file changes after it was read", async () => {
    put({ f: "x\n", g: "x\n" });
    const meddling = watchedAgent(agent, (method) => {
      if (method === "write") writeFileSync(join(root, "g"), "z\n");
    });
    const applied = applyPatch({ tree: { ...at(root), agent: meddling }, patch: change("f") + change("g"), signal });
    await expect(applied).rejects.toMatchObject({ code: "path_changed" });
    expect([content("f"), content("g")]).toEqual(["x\n", "z\n"]);
  });

  it("of 10 MiB is applied in less than two seconds", async () => {
    const lines = Array.from({ length: 200_000 }, (_, line) => `line ${line} of a file that is long enough\n`);
    put({ f: lines.join("") });
    const hunks = lines.flatMap((line, at) =>
      at % 3 === 1 ? [`@@ -${at + 1},2 +${at + 1},2 @@\n-${line}+changed: ${line} ${lines[at + 1] ?? ""}`] : [],
    );
    const patch = `--- a/f\n+++ b/f\n${hunks.slice(0, -1).join("")}`;
    expect(patch.length).toBeGreaterThan(10 * 1_048_576);
    // Time of this process, which what else runs on the machine does not lengthen.
    const began = process.cpuUsage();
    await apply(patch);
    const { user, system } = process.cpuUsage(began);
    expect((user + system) / 1_000).toBeLessThan(2_000);
  });
});
