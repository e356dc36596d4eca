/** Names on file systems that tell them apart in other ways than Linux does (EXP-11). */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { entry, inPlace, stream } from "../../tests/support/tree-oracle.ts";
import { DirectoryHandle } from "./directory-handle.ts";
import type { OpenFile } from "./files.ts";
import { type NameRules, nameRulesOf } from "./name-rules.ts";
import { writeTree } from "./tree-writer.ts";

/** A directory whose names are what `key` makes of them; undefined for one that it does not take. */
function directoryWith(key: (name: string) => string | undefined) {
  const names = new Set<string>();
  const keyOf = (name: Uint8Array) => key(Buffer.from(name).toString());
  const state = { type: "file", mode: 0o600, dev: 1n, ino: 1n, uid: 0n } as const;
  return {
    names,
    makeFile: (name: Uint8Array) => {
      const made = keyOf(name);
      if (made === undefined) throw Object.assign(new Error("EINVAL"), { code: "EINVAL" });
      names.add(made);
      return { close: () => {} } as OpenFile;
    },
    stateOf: (name: Uint8Array) => (names.has(keyOf(name) ?? "") ? state : undefined),
    remove: (name: Uint8Array) => void names.delete(keyOf(name) ?? ""),
  };
}

describe("the rules of a file system", () => {
  it.each([
    ["that takes bytes", (name: string) => name, { folds: false, reserves: false }],
    ["that folds case", (name: string) => name.toLowerCase(), { folds: true, reserves: false }],
    ["that folds forms of Unicode", (name: string) => name.normalize("NFD"), { folds: true, reserves: false }],
    ["that drops dots", (name: string) => name.replace(/\.$/, ""), { folds: true, reserves: false }],
    [
      "that takes no colon",
      (name: string) => (name.includes(":") ? undefined : name),
      { folds: false, reserves: true },
    ],
    [
      "that takes ASCII alone",
      (name: string) => (/^[ -~]*$/.test(name) ? name : undefined),
      { folds: true, reserves: false },
    ],
  ])("%s are found by trying, and nothing stays", (_, key, rules) => {
    const directory = directoryWith(key);
    expect(nameRulesOf(directory)).toEqual(rules);
    expect(directory.names).toEqual(new Set());
  });

  it("are those of Linux in a directory of this host", async () => {
    await inPlace(async ({ inside }) => {
      const directory = DirectoryHandle.open(inside);
      expect(nameRulesOf(directory)).toEqual({ folds: false, reserves: false });
      expect(readdirSync(inside)).toEqual([]);
      directory.close();
    });
  });
});

const dir = (path: string) => entry(path, "directory");
const file = (path: string) => entry(path, "file");
const link = (path: string, link_target: string) => entry(path, "symlink", { link_target });

describe("a tree that is written to a file system", () => {
  const folding: NameRules = { folds: true, reserves: false };
  const reserving: NameRules = { folds: true, reserves: true };
  const cases: [string, NameRules, ReturnType<typeof entry>[], string][] = [
    ["README.md and readme.md", folding, [file("README.md"), file("readme.md")], "name_collision"],
    ["two forms of é", folding, [file("\u00e9"), file("e\u0301")], "name_collision"],
    ["a. and a", folding, [file("a."), file("a")], "name_collision"],
    ["ß and SS", folding, [file("ß"), file("SS")], "name_collision"],
    ["a name with something that nobody sees", folding, [file("a\u200db"), file("ab")], "name_collision"],
    ["two directories, and files in them", folding, [dir("D"), file("D/x"), dir("d"), file("d/y")], "name_collision"],
    ["a link and a file", folding, [link("l", "x"), file("L")], "name_collision"],
    ["CON", reserving, [file("CON")], "name_reserved"],
    ["aux.txt below a directory", reserving, [dir("d"), file("d/aux.txt")], "name_reserved"],
    ["x:y", reserving, [file("x:y")], "name_reserved"],
    ["a dot at the end", reserving, [file("a.")], "name_reserved"],
  ];

  it.each(cases)(
    "with %s is refused where these cannot be, and written where they can",
    async (_, rules, tree, code) => {
      await inPlace(async ({ inside }) => {
        const refused = writeTree(stream(tree), `${inside}/out`, { nameRules: () => rules });
        await expect(refused).rejects.toMatchObject({ code });
        expect(readdirSync(inside)).toEqual([]);
        expect(await writeTree(stream(tree), `${inside}/out`)).toMatchObject({ entries: tree.length });
      });
    },
  );

  it("has no link that leads out by another spelling of a link's name", async () => {
    const tree = [link("L", "."), link("out", "l/.."), link("in", "L")];
    await inPlace(async ({ inside }) => {
      const { skipped_links } = await writeTree(stream(tree), `${inside}/out`, { nameRules: () => folding });
      expect(skipped_links).toEqual([{ path: "out", link_target: "l/.." }]);
      expect(readdirSync(`${inside}/out`).sort()).toEqual(["L", "in"]);
    });
  });

  it("may have every name that is none of these", async () => {
    const tree = ["console", "auxiliary", "com", "com10", ".a", "a b", "é", "-rf"].map(file);
    await inPlace(async ({ inside }) => {
      expect(await writeTree(stream(tree), `${inside}/out`, { nameRules: () => reserving })).toMatchObject({
        entries: tree.length,
      });
    });
  });
});
