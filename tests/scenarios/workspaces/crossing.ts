/** Trees that cross between host and workspace: pushed as a whole, seeded as a whole, exported as a whole. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { pax, type TarPart, tarOf } from "../../support/tar-maker.ts";
import type { Kit } from "./kit.ts";

const link = (name: string, to: string): TarPart => ({ name, type: "2", link: to });
const file = { name: "f", content: "x" };

/** Archives that are refused, and the code; what else there is of each kind is in the tests of the reader itself. */
const hostile: readonly (readonly [string, Buffer, string])[] = [
  ["SEED-01", tarOf([file, { name: "/etc/cron.d/x" }]), "path_escape"],
  ["SEED-02", tarOf([file, { name: "a/../../x" }]), "path_escape"],
  ["SEED-03", tarOf([link("a", "/outside"), { name: "a/x" }]), "path_escape"],
  ["SEED-06", tarOf([{ name: "d/", type: "5" }, link("d", "../out"), { name: "d/x" }]), "duplicate_entry"],
  ["SEED-07", tarOf([file, { name: "p", type: "6" }]), "unsupported_type"],
  ["SEED-09", tarOf([pax({ size: "0" }), file]), "archive_inconsistent"],
  ["SEED-10", tarOf([{ ...pax({}), content: "8 pathx\n" }, file]), "archive_inconsistent"],
  ["SEED-11", tarOf([file, { name: "g", content: "x".repeat(600) }]).subarray(0, 1700), "archive_truncated"],
  ["SEED-13", tarOf([file, { name: "g", size: 3 * 1024 ** 3 }]), "too_large"],
  ["SEED-18", tarOf([file, { name: "./f", content: "y" }]), "duplicate_entry"],
  ["no tar at all", Buffer.from("x".repeat(2000)), "archive_inconsistent"],
];

function seedScenarios(kit: Kit): void {
  describe("a seed", () => {
    it.each(hostile)("is refused as a whole, and nothing is left: %s", async (name, archive, code) => {
      const before = kit.directories();
      const seed_path = kit.file(`${name}.tar`, archive);
      await kit.refused(kit.create({ seed_path, name: "refused" }), code);
      expect(kit.directories()).toEqual(before);
      await kit.refused(kit.pyro.statusWorkspace({ workspace_id: "refused" }), "workspace_not_found");
    });

    it("that is not there, or no path, is refused as well", async () => {
      const before = kit.directories();
      await kit.refused(kit.create({ seed_path: join(kit.room, "nowhere") }), "seed_not_found");
      await kit.refused(kit.create({ seed_path: "a\0b" }), "invalid_input", "seed_not_found");
      expect(kit.directories()).toEqual(before);
    });

    it.each([".tar", ".tar.gz", ".tgz"])("is a %s as it is a directory", async (ending) => {
      const tar = tarOf([{ name: "d/run", content: "ran", mode: 0o755 }, link("l", "d/run")]);
      const seed_path = kit.file(`good${ending}`, ending === ".tar" ? tar : gzipSync(tar));
      await kit.within(
        async (workspace_id) => {
          const { workspace_seed } = await kit.pyro.statusWorkspace({ workspace_id });
          expect(workspace_seed).toMatchObject({ origin_kind: "archive", origin_ref: seed_path, bytes_written: 3 });
          expect(await kit.read(workspace_id, "l")).toBe("ran");
          await kit.pyro.pushWorkspaceSync({ workspace_id, source: kit.files("later", { later: "x" }) });
          const later = await kit.pyro.statusWorkspace({ workspace_id });
          expect(later.workspace_seed).toEqual(workspace_seed);
        },
        { seed_path },
      );
    });

    it("of odd names, modes, lengths and targets is there exactly, all of it root's", async () => {
      const seed_path = oddTree(join(kit.room, "odd"));
      const listing = (at: string) => [
        "sh",
        "-c",
        `cd "$0" && find . -mindepth 1 ${LISTED} | sort -z | base64 -w0`,
        at,
      ];
      const wanted = execFileSync("sh", listing(seed_path).slice(1), { encoding: "utf8" });
      await kit.within(
        async (workspace_id) => {
          const command = listing("/workspace");
          command[3] = ".";
          const { stdout } = await kit.pyro.execWorkspace({ workspace_id, command });
          const shown = (text: string) => Buffer.from(text, "base64").toString("latin1").split("\0");
          expect(shown(stdout)).toEqual(shown(wanted));
          const owners = await kit.pyro.execWorkspace({ workspace_id, command: ["find", ".", "!", "-uid", "0"] });
          expect(owners.stdout).toBe("");
          expect((await kit.pyro.diffWorkspace({ workspace_id })).entries).toEqual([]);
        },
        { seed_path },
      );
    });
  });
}

/** Type, mode, size of a file, target, name; a directory's size is its file system's affair. */
const LISTED = "\\( -type f -printf '%y %m %s %p\\0' -o -type l -printf '%y %l %p\\0' -o -printf '%y %m %p\\0' \\)";

function oddTree(root: string): string {
  const long = Array.from({ length: 8 }, (_, at) => `${"long-".repeat(20)}${at}`).join("/");
  mkdirSync(join(root, long), { recursive: true });
  mkdirSync(join(root, "empty directory"));
  const files: (readonly [string | Buffer, number])[] = [
    ["-rf", 0o644],
    ["new\nline \u001b[31m", 0o600],
    [`${long}/file`, 0o755],
    [Buffer.from("bytes \xff\xfe", "latin1"), 0o640],
    ["écoute 漢 🦀", 0o444],
    [`${"n".repeat(255)}`, 0o700],
    ["dir/only owner may enter", 0o400],
  ];
  mkdirSync(join(root, "dir"));
  for (const [at, [name, mode]] of files.entries()) {
    const path = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name)]);
    writeFileSync(path, "x".repeat([0, 1, 511, 512, 513, 4096, 100_000][at] ?? 0));
    chmodSync(path, mode);
  }
  for (const [at, target] of [
    "-rf",
    "../outside",
    "/etc/passwd",
    "t".repeat(59),
    "t".repeat(60),
    "t/".repeat(2000),
  ].entries())
    symlinkSync(target, join(root, `link ${at}`));
  chmodSync(join(root, "dir"), 0o500);
  return root;
}

function syncScenarios(kit: Kit): void {
  describe("a push", () => {
    it("whose 300th entry is refused leaves all as it was", async () => {
      const parts = Array.from({ length: 299 }, (_, at) => ({ name: `f${at}`, content: `${at}` }));
      const source = kit.file("late.tar", tarOf([...parts, { name: "../out" }]));
      const odd = kit.file("odd-type.tar", tarOf([...parts, { name: "p", type: "6" }]));
      await kit.within(async (workspace_id) => {
        await kit.write(workspace_id, "f7", "mine");
        await kit.refused(kit.pyro.pushWorkspaceSync({ workspace_id, source }), "path_escape");
        await kit.refused(kit.pyro.pushWorkspaceSync({ workspace_id, source: odd }), "unsupported_type");
        // Refused by the guest, since a directory cannot take the place of a file.
        const late = kit.file("late-dir.tar", tarOf([...parts.slice(8), { name: "f7/", type: "5" }]));
        await kit.refused(
          kit.pyro.pushWorkspaceSync({ workspace_id, source: late }),
          "dest_not_directory",
          "path_exists",
        );
        expect(await kit.paths(workspace_id)).toEqual(["f7"]);
        expect(await kit.read(workspace_id, "f7")).toBe("mine");
      });
    });

    it("goes where it is told below /workspace, over what is there, and nowhere else", async () => {
      const source = kit.files("over", { "a/new": "new", f: "pushed" });
      await kit.within(async (workspace_id) => {
        const push = (dest: string) => kit.pyro.pushWorkspaceSync({ workspace_id, source, dest });
        await kit.write(workspace_id, "d/a/old", "old");
        await kit.write(workspace_id, "d/f", "old");
        for (const dest of ["d", "/workspace/d", "./d/"])
          expect(await push(dest)).toMatchObject({ dest: "/workspace/d", entry_count: 3 });
        expect(await kit.read(workspace_id, "d/a/old")).toBe("old");
        expect(await kit.read(workspace_id, "d/f")).toBe("pushed");
        const before = await kit.paths(workspace_id);
        for (const dest of ["../", "/etc", "/workspace/../etc", "/workspace2", "d/../../x"])
          await kit.refused(push(dest), "path_escape");
        for (const dest of ["", "a\0b", "x".repeat(5000)]) await kit.refused(push(dest), "invalid_input");
        await kit.refused(push("d/f"), "dest_not_directory");
        await kit.refused(push("d/f/x"), "dest_not_directory");
        const nowhere = kit.pyro.pushWorkspaceSync({ workspace_id, source: join(kit.room, "nowhere") });
        await kit.refused(nowhere, "seed_not_found");
        expect(await kit.paths(workspace_id)).toEqual(before);
      });
    });

    it("through a symlink of the guest is refused", async () => {
      const source = kit.files("through", { f: "f" });
      const tar = kit.file("through.tar", tarOf([link("etc", "/etc"), link("self", ".")]));
      await kit.within(async (workspace_id) => {
        await kit.pyro.pushWorkspaceSync({ workspace_id, source: tar });
        for (const dest of ["etc", "self", "etc/x", "self/x"])
          await kit.refused(
            kit.pyro.pushWorkspaceSync({ workspace_id, source, dest }),
            "dest_not_directory",
            "path_escape",
          );
        expect(await kit.paths(workspace_id)).toEqual(["etc", "self"]);
      });
    });
  });
}

function exportScenarios(kit: Kit): void {
  describe("an export", () => {
    const tree = tarOf([
      { name: "t/run", content: "run", mode: 0o6777 },
      { name: "t/.git/config", content: "[core]\nfsmonitor = evil" },
      { name: "t/sub/.git", content: "gitdir: /" },
      { name: "t/package.json", content: "{}" },
      link("t/out", "/etc/passwd"),
      link("t/in", "run"),
      { name: "c/README", content: "1" },
      { name: "c/new\nline", content: "2" },
      { name: "w/a\\..\\b", content: "3" },
    ]);

    it("has what a host can trust, and says what it left out", async () => {
      const source = kit.file("exported.tar", tree);
      await kit.within(async (workspace_id) => {
        await kit.pyro.pushWorkspaceSync({ workspace_id, source });
        const output = join(kit.room, "export-tree");
        const exported = await kit.pyro.exportWorkspace({ workspace_id, path: "t", output });
        expect(exported).toMatchObject({
          skipped_links: [{ path: "out", link_target: "/etc/passwd" }],
          omitted: expect.arrayContaining([".git", "sub/.git"]),
          review_before_trusting: ["package.json"],
        });
        expect(readdirSync(output).sort()).toEqual(["in", "package.json", "run", "sub"]);
        expect(statSync(join(output, "run")).mode & 0o7777).toBe(0o755);
        expect(readlinkSync(join(output, "in"))).toBe("run");
        const lines = join(kit.room, "export-lines");
        await kit.pyro.exportWorkspace({ workspace_id, path: "c", output: lines });
        expect(readdirSync(lines).sort()).toEqual(["README", "new\nline"]);
        const escaping = kit.pyro.exportWorkspace({ workspace_id, path: "w", output: join(kit.room, "export-w") });
        await kit.refused(escaping, "path_escape");
        await kit.refused(
          kit.pyro.exportWorkspace({ workspace_id, path: "t/in", output: join(kit.room, "export-l") }),
          "unsupported_type",
        );
        expect(readdirSync(kit.room).filter((name) => /export-[wl]$|^\.pyro/.test(name))).toEqual([]);
      });
    });

    it("takes the place of nothing unless it is told to, and follows no link of the host", async () => {
      await kit.within(async (workspace_id) => {
        await kit.write(workspace_id, "d/f", "new");
        const out = (output: string, force = false, path = "d/f") =>
          kit.pyro.exportWorkspace({ workspace_id, path, output, force });
        const kept = kit.files("export-kept", { file: "old", "dir/old": "old" });
        symlinkSync(join(kept, "dir"), join(kept, "link"));
        for (const name of ["file", "dir", "link"]) await kit.refused(out(join(kept, name)), "output_exists");
        await kit.refused(out(join(kept, "none", "f")), "output_not_writable");
        await kit.refused(out(join(kept, "file", "f")), "output_not_writable");
        await kit.refused(out("a\0b"), "invalid_input", "output_not_writable");
        await kit.refused(out("/"), "output_exists");
        await kit.refused(out(join(kept, "none"), false, "missing"), "path_not_found");
        await kit.refused(out(join(kept, "none"), false, "../etc"), "path_escape");
        expect(readFileSync(join(kept, "file"), "utf8")).toBe("old");
        for (const name of ["file", "dir", "link"]) {
          await out(join(kept, name), true);
          expect(readFileSync(join(kept, name), "utf8")).toBe("new");
        }
        await out(join(kept, "file"), true, "d");
        expect(readdirSync(join(kept, "file"))).toEqual(["f"]);
        expect(readdirSync(kept).sort()).toEqual(["dir", "file", "link"]);
      });
    });

    it("of nothing is an empty directory", async () => {
      await kit.within(async (workspace_id) => {
        const output = join(kit.room, "export-empty");
        const exported = await kit.pyro.exportWorkspace({ workspace_id, path: "/workspace", output });
        expect([exported.entry_count, readdirSync(output)]).toEqual([0, []]);
      });
    });
  });
}

export function crossingScenarios(kit: Kit): void {
  seedScenarios(kit);
  syncScenarios(kit);
  exportScenarios(kit);
}
