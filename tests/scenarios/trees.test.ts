/** Trees through the host's client and the real agent, on the fake machine. */
import {
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
import { nameBytes } from "../../src/wire/paths.ts";
import { expectationOf } from "../../src/wire/tree-stat.ts";
import { walkTree } from "../../src/wire/tree-walk.ts";
import type { Change } from "../../src/wire/tree-write.ts";
import { withFakeAgent } from "../support/fake-agent.ts";
import { file, Tree } from "../support/trees.ts";

let client: AgentClient;
let home: string;
let root: string;
let tree: Tree;

withFakeAgent((made) => {
  client = made;
});
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "pyro-trees-")));
  root = join(home, "tree");
  mkdirSync(root);
  tree = new Tree(client, root);
});
afterEach(() => rmSync(home, { recursive: true }));

const call = { signal: new AbortController().signal, deadline_ms: 10_000 };

describe("a tree", () => {
  it("is written, listed and read with every odd name", async () => {
    const names = ["new\nline", "esc\u001b[2J", "bytes\udcff\udc80", "back\\slash", "-rf", "dot.", "\u007f", "é", "🦀"];
    const written = await tree.write(...names.map((name) => file(`d/${name}`, name)));
    expect(written.entries).toBe(names.length);
    const onDisk = readdirSync(Buffer.from(join(root, "d")), { encoding: "buffer" }).map((name) =>
      name.toString("hex"),
    );
    expect(onDisk.sort()).toEqual(names.map((name) => nameBytes(name)?.toString("hex")).sort());
    const listed = (await tree.walk()).filter(({ kind }) => kind === "file").map(({ path }) => path);
    expect([...listed].sort()).toEqual(names.map((name) => `d/${name}`).sort());
    expect(await tree.read(...names.map((name) => `d/${name}`))).toEqual(
      names.map((name) => nameBytes(name)?.toString()),
    );
  });

  it("is listed in parts, each behind the last entry of the one before", async () => {
    const names = ["new\nline", "bytes\udcff\udc80", "a", "a!", "a.d", "é", "🦀"];
    const files = ["", "a.d/", "d/", "d/e/", "d/e/f/"].flatMap((above) => names.map((name) => `${above}n${name}`));
    await tree.write(...files.map((path) => file(path, "")));
    const all = (await tree.walk()).map(({ path }) => path);
    const part = async (path: string, after: string | undefined, max_entries: number, recursive = true) => {
      const found: string[] = [];
      const request = { root, path, recursive, max_entries, after };
      const end = await walkTree(client, request, (some) => void found.push(...some.map((one) => one.path)), call);
      return { found, end };
    };
    for (const [at, after] of all.entries()) {
      const { found, end } = await part("", after, 3);
      expect(found).toEqual(all.slice(at + 1, at + 4));
      expect(end.cut).toBe(at + 4 < all.length);
    }
    const below = all.filter((path) => path.startsWith("d/e/"));
    for (const [at, after] of below.entries())
      expect((await part("d/e", after, 100)).found).toEqual(below.slice(at + 1));
    expect((await part("d", "d/e", 100, false)).found).toEqual(
      all.filter((path) => path.startsWith("d/") && path.split("/").length === 2 && path !== "d/e"),
    );
    // What the part before ended with is gone, or is something else by now.
    rmSync(join(root, "d/e"), { recursive: true });
    expect((await part("", "d/e/f/na", 100)).found).toEqual(all.slice(all.indexOf("d/na")));
    writeFileSync(join(root, "d/e"), "");
    expect((await part("", "d/e/f/na", 100)).found).toEqual(all.slice(all.indexOf("d/na")));
  });

  it("of thousands of files comes and goes whole", async () => {
    const paths = Array.from({ length: 3000 }, (_, at) => `d${at % 60}/s/${at}`);
    await tree.write(...paths.map((path, at) => file(path, `${at}`.repeat(at % 500))));
    expect(await tree.read(...paths)).toEqual(paths.map((_, at) => `${at}`.repeat(at % 500)));
    expect(await tree.walk()).toHaveLength(3000 + 120);
    await tree.write(...paths.map((path): Change => ({ path, kind: "delete" })));
    expect((await tree.walk()).every(({ kind }) => kind === "directory")).toBe(true);
  });

  it("takes a large file and gives it back", async () => {
    const large = "0123456789abcdef".repeat(1 << 20);
    await tree.write(file("large", large));
    expect((await tree.read("large"))[0] === large).toBe(true);
  });

  it("is changed only where it is what the host knows", async () => {
    writeFileSync(join(root, "a"), "old");
    const [known] = await tree.walk();
    const expected = known && { expect: expectationOf(known) };
    await tree.write(file("a", "new", expected));
    await expect(tree.write(file("b", ""), file("a", "newer", expected))).rejects.toMatchObject({
      code: "path_changed",
    });
    const taken = file("a", "", { expect: { state: "absent" } });
    await expect(tree.write(taken)).rejects.toMatchObject({ code: "path_changed" });
    expect(readdirSync(root)).toEqual(["a"]);
    expect(readFileSync(join(root, "a"), "utf8")).toBe("new");
  });

  it("is as it was after a refusal or a cancelled upload", async () => {
    writeFileSync(join(root, "a"), "old");
    symlinkSync("/etc", join(root, "link"));
    await expect(tree.write(file("a", "new"), file("link/x", ""))).rejects.toMatchObject({
      code: "dest_not_directory",
    });
    await expect(tree.write(file("a", "1"), file("a", "2"))).rejects.toMatchObject({ code: "duplicate_entry" });
    await expect(tree.write(file("a/x", ""))).rejects.toMatchObject({ code: "dest_not_directory" });
    const stop = new AbortController();
    const changes = async function* () {
      yield file("a", "new");
      stop.abort();
      yield file("b", "x".repeat(1 << 20));
    };
    const cancelled = tree.writeAll(changes(), stop.signal);
    await expect(cancelled).rejects.toMatchObject({ code: "cancelled" });
    expect(readdirSync(root).sort()).toEqual(["a", "link"]);
    expect(readFileSync(join(root, "a"), "utf8")).toBe("old");
    await expect.poll(() => readdirSync(home)).toEqual(["tree"]);
  });

  it("refuses what is not there, and roots that are no directories", async () => {
    expect(await tree.read("nonesuch", "")).toEqual(["path_not_found", ""]);
    symlinkSync(root, join(home, "link"));
    const request = { path: "", recursive: true, max_entries: 1 };
    for (const other of [join(home, "link"), join(home, "nonesuch")])
      await expect(walkTree(client, { ...request, root: other }, () => {}, call)).rejects.toMatchObject({
        code: "dest_not_directory",
      });
    await expect(walkTree(client, { ...request, root, path: "x" }, () => {}, call)).rejects.toMatchObject({
      code: "path_not_found",
    });
  });

  it("has the modes it was given, without those that give power", async () => {
    await tree.write(file("run", "", { mode: 0o6755 }), file("open", "", { mode: 0o666 }));
    expect(["run", "open"].map((name) => statSync(join(root, name)).mode & 0o7777)).toEqual([0o755, 0o666]);
  });

  it("is held still and let go", async () => {
    await client.call("freeze", { deadline_ms: 5000 }, call);
    await client.call("thaw", {}, call);
    await client.call("sync", {}, call);
  });
});
