/** What changed in a tree since its seed, through the real agent, on the fake machine. */
import { execFileSync } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SourceEntry } from "../../src/contract/tree.ts";
import type { AgentClient } from "../../src/wire/client.ts";
import { DiffPlace, files } from "../support/diff-place.ts";
import { withFakeAgent } from "../support/fake-agent.ts";
import { entriesOf, fileNode, readModel, shown, writeModel } from "../support/file-model.ts";
import { entry } from "../support/tree-oracle.ts";
import { watchedAgent } from "../support/watched-agent.ts";

let agent: AgentClient;
let place: DiffPlace;

withFakeAgent((made) => {
  agent = made;
});
beforeEach(() => {
  place = new DiffPlace();
});
afterEach(() => place.remove());

describe("a diff", () => {
  it("of what was not touched is empty", async () => {
    const model = files({ a: "1\n", "d/b": Buffer.of(0, 1, 2) });
    writeModel(place.tree, model);
    expect(await place.diff(agent, await place.seed(entriesOf(model)))).toMatchObject({
      entries: [],
      patch: "",
      entry_count: 0,
      not_in_patch: [],
    });
  });

  it("names what changed, and has it as text", async () => {
    const before = files({ gone: "1\n2\n", kept: "k\n", same: "s\n", turned: "t\n" });
    writeModel(place.tree, files({ kept: "k\nl\n", same: "s\n", fresh: "1\n2\n3\n", "turned/in": "x\n" }));
    const { patch, ...result } = await place.diff(agent, await place.seed(entriesOf(before)));
    const plain = { binary: false, additions: 0, deletions: 0 };
    expect(result).toMatchObject({
      entries: [
        { ...plain, path: "fresh", status: "added", additions: 3 },
        { ...plain, path: "gone", status: "deleted", deletions: 2 },
        { ...plain, path: "kept", status: "modified", additions: 1 },
        { ...plain, path: "turned", status: "type_changed", deletions: 1 },
        { ...plain, path: "turned/in", status: "added", additions: 1 },
      ],
      truncated: false,
      entry_count: 5,
      additions: 5,
      deletions: 3,
      not_in_patch: [],
    });
    expect(patch).toContain("diff --git a/kept b/kept\n");
    expect(patch).toContain("@@ -1 +1,2 @@\n k\n+l\n");
  });

  it("against nothing has all there is", async () => {
    writeModel(place.tree, files({ "d/a": "1\n", b: "2\n" }));
    const result = await place.diff(agent, undefined);
    expect(result.entries.map(({ path, status }) => [path, status])).toEqual([
      ["b", "added"],
      ["d/a", "added"],
    ]);
    expect(shown(place.applied(result.patch, new Map()))).toEqual(shown(readModel(place.tree)));
  });

  it("leaves out of the patch what a patch cannot carry, and says why", async () => {
    const before: SourceEntry[] = [
      ...entriesOf(
        files({ "repo/.git/config": "x", "repo/a": "a\n", closed: "c\n", "full/f": "f\n", ".git/HEAD": "h" }),
      ),
      entry("hollow", "directory"),
    ];
    const baseline = await place.seed(before);
    const root = place.tree;
    writeModel(
      root,
      files({ "repo/.git/config": "y", "repo/a": "a\n", closed: "c\n", ".git/HEAD": "other", "sub/.GIT/x": "" }),
    );
    for (const name of ["full", "fresh"]) mkdirSync(join(root, name));
    chmodSync(join(root, "closed"), 0o600);
    execFileSync("mkfifo", [join(root, "pipe")]);
    symlinkSync("x", join(root, ".gitmodules"));
    writeFileSync(join(root, "huge"), "");
    truncateSync(join(root, "huge"), 33 * 1_048_576);
    const result = await place.diff(agent, baseline);
    expect(result.not_in_patch).toEqual([
      { path: ".git", reason: "git_directory" },
      { path: ".gitmodules", reason: "git_modules_link" },
      { path: "closed", reason: "permissions" },
      { path: "fresh", reason: "empty_directory" },
      { path: "full", reason: "empty_directory" },
      { path: "hollow", reason: "empty_directory" },
      { path: "huge", reason: "too_large" },
      { path: "pipe", reason: "special_file" },
      { path: "repo/.git", reason: "git_directory" },
      { path: "sub/.GIT", reason: "git_directory" },
    ]);
    expect(result.entries.map(({ path }) => path)).toEqual([".gitmodules", "full/f", "huge", "pipe"]);
  });

  it("only names binary files where they are not asked for, and nothing that depends on them", async () => {
    const bytes = Buffer.of(0, 1, 2);
    const latin = Buffer.from("caf\xe9\n", "latin1");
    const before = files({
      bin: bytes,
      "nul-late": `${"x\n".repeat(9000)}\0`,
      becomes: bytes,
      "was/in": bytes,
      text: "1\n",
      latin,
    });
    const after = files({
      bin: Buffer.of(0, 9),
      "nul-late": "",
      "becomes/f": "f\n",
      was: "file\n",
      text: "2\n",
      latin: "café\n",
    });
    writeModel(place.tree, after);
    const baseline = await place.seed(entriesOf(before));
    const { patch, not_in_patch, entries } = await place.diff(agent, baseline, { binary: false });
    expect(not_in_patch.map(({ path, reason }) => `${path} ${reason}`)).toEqual([
      "becomes binary",
      "becomes/f blocked",
      "bin binary",
      "latin binary",
      "nul-late binary",
      "was blocked",
      "was/in binary",
    ]);
    expect(entries).toHaveLength(8);
    expect(shown(place.applied(patch, before))).toEqual(shown(new Map(before).set("text", fileNode("2\n"))));
    expect(shown(place.applied((await place.diff(agent, baseline)).patch, before))).toEqual(shown(after));
  });

  it("does not fetch what has its stamp, and learns the stamps of what it found unchanged", async () => {
    const model = files({ a: "same\n", b: "same\n" });
    writeModel(place.tree, model);
    const baseline = await place.seed(entriesOf(model));
    expect((await place.diff(agent, baseline)).stamps_improved).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const learnt = await place.diff(agent, baseline);
    expect([...learnt.stamps.keys()]).toEqual(["a", "b"]);
    expect(learnt.stamps_improved).toBe(true);
    let reads = 0;
    const counting = watchedAgent(agent, (method) => {
      if (method === "read") reads += 1;
    });
    const tree = place.guest(counting);
    expect(await place.diff(agent, baseline, { tree, stamps: learnt.stamps })).toMatchObject({
      entries: [],
      stamps_improved: false,
    });
    expect(reads).toBe(0);
    writeFileSync(join(place.tree, "b"), "diff\n");
    expect((await place.diff(agent, baseline, { tree, stamps: learnt.stamps })).entries).toMatchObject([{ path: "b" }]);
    expect(reads).toBe(1);
  });

  it("is cut at whole lines and whole entries, and says so", async () => {
    const names = Array.from({ length: 2_100 }, (_, at) => `f${String(at).padStart(4, "0")}`);
    const baseline = await place.seed(entriesOf(files(Object.fromEntries(names.map((name) => [name, `é ${name}\n`])))));
    const result = await place.diff(agent, baseline, { max_patch_bytes: 10_000 });
    expect(result).toMatchObject({ truncated: true, entry_count: 2_100, deletions: 2_100 });
    expect(result.entries).toHaveLength(2_000);
    expect(Buffer.byteLength(result.patch)).toBeGreaterThan(9_900);
    expect(Buffer.byteLength(result.patch)).toBeLessThanOrEqual(10_000);
    expect(result.patch.endsWith("\n")).toBe(true);
    expect((await place.diff(agent, baseline, { max_patch_bytes: 0 })).patch).toBe("");
  });

  it("empties its directory before, after, and when it fails", async () => {
    mkdirSync(join(place.scratch, "objects.git/objects"), { recursive: true });
    writeFileSync(join(place.scratch, "objects.git/config"), "[core]\n\tbare = nonsense\n");
    writeModel(place.tree, files({ a: "1\n" }));
    expect((await place.diff(agent, undefined)).entry_count).toBe(1);
    writeFileSync(join(place.scratch, "left"), "");
    const stop = new AbortController();
    const stopped = place.diff(agent, undefined, { signal: stop.signal });
    stop.abort();
    await expect(stopped).rejects.toMatchObject({ code: "cancelled" });
    expect(readdirSync(place.scratch)).toEqual([]);
  });

  it("leaves out of the patch what does not hold still", async () => {
    const path = join(place.tree, "restless");
    writeFileSync(path, Buffer.alloc(24 * 1_048_576, "x\n"));
    writeFileSync(join(place.tree, "still"), "1\n");
    const writing = setInterval(() => appendFileSync(path, "y\n"), 1);
    const { not_in_patch, entries, patch } = await place.diff(agent, undefined).finally(() => clearInterval(writing));
    expect(not_in_patch).toEqual([{ path: "restless", reason: "changed_while_read" }]);
    expect(entries.map((each) => each.path)).toEqual(["restless", "still"]);
    expect(patch).not.toContain("restless");
  });

  it("refuses to fetch without end", async () => {
    for (let at = 0; at < 17; at += 1) {
      writeFileSync(join(place.tree, `f${at}`), "");
      truncateSync(join(place.tree, `f${at}`), 32 * 1_048_576);
    }
    const reads: string[] = [];
    const watched = watchedAgent(agent, (method) => reads.push(method));
    const refused = place.diff(agent, undefined, { tree: place.guest(watched) });
    await expect(refused).rejects.toMatchObject({ code: "too_large" });
    expect(reads).toEqual(["walk"]);
  });

  it("does not take what lies too deep to be listed for deleted", async () => {
    const deep = Array.from({ length: 256 }, () => "d").join("/");
    mkdirSync(join(place.tree, deep, "e"), { recursive: true });
    expect((await place.diff(agent, undefined)).not_in_patch).toEqual([{ path: deep, reason: "unreadable" }]);
  });
});
