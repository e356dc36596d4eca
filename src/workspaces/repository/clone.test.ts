/** Clones from a real Git server over https on the loopback: what comes of them, and of every name that a person may give (GIT-03, GIT-04). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { checkoutOf, cloned } from "../../../tests/support/cloned.ts";
import { type GitServer, makeRepository, serveGit } from "../../../tests/support/git-server.ts";

let server: GitServer;
let root = "";
let commits: string[] = [];

const SCRIPT = `
mkdir -p src 'odd dir'; echo one > src/a; echo run > run; chmod +x run; ln -s src/a link; echo x > 'odd dir/näme'
git add .; git commit -qm one
printf '* export-ignore\\nb export-subst\\nc text eol=crlf\\n' > .gitattributes; echo '$Format:%H$' > b; printf 'l\\r\\n' > c
for n in 1 2 3 4 5 6 7; do printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 5\\n' $n > big$n.bin; done
git add . 2>/dev/null; git commit -qm two
git branch both HEAD^; git tag -a -m t both HEAD; git tag v1 HEAD^; git tag -a -m annotated v2 HEAD; git branch feature/x HEAD^; git branch zweig-ä
git update-ref refs/heads/$(git rev-parse HEAD) HEAD^
git update-index --add --cacheinfo 160000,$(git rev-parse HEAD),sub; git commit -qm three
git rev-parse HEAD HEAD^ HEAD^^; git rev-parse v2 HEAD:src/a`;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "pyro-clone-"));
  server = await serveGit(root);
  commits = makeRepository(root, "r.git", SCRIPT).split("\n");
  makeRepository(root, "empty.git", "true");
  makeRepository(root, "hash.git", "echo x > x; git add .; git commit -qm x", "sha256");
  // What a forge keeps beside branches and tags.
  execFileSync("git", ["-C", join(root, "r.git"), "update-ref", "refs/pull/7/head", commits[1] ?? ""]);
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

afterEach(() => {
  server.answer = undefined;
});

const reject = (ref: string, repository = "r.git") => expect(cloned(server, repository, { ref })).rejects;

describe("a clone", { timeout: 30_000 }, () => {
  it("has the newest commit as a checkout has it, clean, with a Git directory of its own", async () => {
    const found = await cloned(server, "r.git");
    expect(found.paths.filter((path) => !path.startsWith(".git/"))).toEqual(
      [".git", ".gitattributes", "b", ...[1, 2, 3, 4, 5, 6, 7].map((n) => `big${n}.bin`), "c", "link"].concat([
        "odd dir",
        "odd dir/näme",
        "run",
        "src",
        "src/a",
        "sub",
      ]),
    );
    const text = (path: string) => found.entries.find((entry) => entry.path === path)?.text;
    expect([text("b"), text("c")]).toEqual(["$Format:%H$\n", "l\r\n"]);
    expect(found.entries.find(({ path }) => path === "run")?.mode).toBe(0o755);
    const git = checkoutOf(root, found);
    expect(git("status", "--porcelain")).toBe("");
    expect(git("log", "--format=%H %D")).toBe(`${commits[0]} grafted, HEAD -> main, origin/main`);
    expect(git("config", "--get-regexp", "^(remote|branch)\\.")).toBe(
      [
        `remote.origin.url ${server.url("r.git")}`,
        "remote.origin.fetch +refs/heads/*:refs/remotes/origin/*",
        "branch.main.remote origin",
        "branch.main.merge refs/heads/main",
      ].join("\n"),
    );
    expect(found.paths.filter((path) => /hooks|attributes$|logs/.test(path))).toEqual([".gitattributes"]);
  });

  it("is described: its commit, submodules and Git LFS pointers that are not in it", async () => {
    const { origin_kind, origin_ref, commit, dirty, skipped, notes, lfs_pointer_count } = await cloned(server, "r.git");
    expect({ origin_kind, origin_ref, commit, dirty }).toEqual({
      origin_kind: "repo_url",
      origin_ref: server.url("r.git"),
      commit: commits[0],
      dirty: false,
    });
    expect(skipped).toEqual([{ path: "sub", reason: "submodule_not_checked_out" }]);
    expect(lfs_pointer_count).toBe(7);
    expect(notes).toEqual([
      expect.stringContaining("newest commit alone"),
      expect.stringMatching(/^7 files are Git LFS pointers.*"big1\.bin".*"big5\.bin" and others$/),
    ]);
  });

  it.each(["an old server", "a new one"])(
    "GIT-04 is of the branch, tag, ref or commit that was asked for: %s",
    async (kind) => {
      const [three, two, one, tag = ""] = commits;
      if (kind === "an old server")
        server.answer = (request) => {
          delete request.headers["git-protocol"];
          return undefined;
        };
      const heads: [string, string | undefined, string][] = [
        ["HEAD", three, "main"],
        ["feature/x", one, "feature/x"],
        ["zweig-ä", two, "zweig-ä"],
        ["v1", one, ""],
        ["v2", two, ""],
        ["refs/tags/both", two, ""],
        ["refs/pull/7/head", two, ""],
        ["refs/heads/both", one, "both"],
        [one ?? "", one, ""],
        [tag, two, ""],
      ];
      for (const [ref, commit, branch] of heads) {
        const found = await cloned(server, "r.git", { ref });
        expect([ref, found.commit]).toEqual([ref, commit]);
        const git = checkoutOf(root, found);
        expect([git("rev-parse", "HEAD"), git("branch", "--show-current")]).toEqual([commit, branch]);
        expect(git("status", "--porcelain")).toBe("");
      }
    },
  );

  it("GIT-04 of a name for two things, or none, is refused with what to type", async () => {
    await reject("both").toMatchObject({
      code: "repo_ref_ambiguous",
      hint: "Give the full name: refs/heads/both or refs/tags/both",
    });
    await reject(commits[1] ?? "").toMatchObject({ code: "repo_ref_ambiguous" });
    await reject("none").toMatchObject({ code: "repo_ref_not_found" });
    await reject("refs/heads").toMatchObject({ code: "repo_ref_not_found" });
    await reject("0123456789".repeat(4)).toMatchObject({ code: "repo_ref_not_found" });
    await reject("0123456789abcdef".repeat(4)).toMatchObject({ code: "repo_ref_not_found", message: /have 40 digits/ });
    await reject(commits[4] ?? "").toMatchObject({ code: "repo_ref_not_found", message: /is no commit/ });
    await reject("HEAD", "empty.git").toMatchObject({ code: "repo_ref_not_found" });
    for (const ref of [
      "-x",
      "--upload-pack=x",
      "a..b",
      "a b",
      "x\n",
      "\u001b[31m",
      "@{1}",
      "a.lock",
      "/a",
      "a/",
      "x".repeat(201),
    ])
      await reject(ref).toMatchObject({ code: "repo_ref_invalid" });
  });

  it("can be of a repository that names its objects by SHA-256", async () => {
    const found = await cloned(server, "hash.git");
    expect(found.commit).toMatch(/^[0-9a-f]{64}$/);
    expect(checkoutOf(root, found)("status", "--porcelain")).toBe("");
  });

  it("GIT-03 keeps what lets a caller in out of everything but the request", async () => {
    server.requests.length = 0;
    const url = server.url("r.git").replace("https://", "https://person:to%40ken-9f8e@");
    const found = await cloned(server, "r.git", { url });
    const basic = Buffer.from("person:to@ken-9f8e").toString("base64");
    expect(server.requests.map((request) => request.split(" ").at(-1))).toEqual(
      ["Basic", "Basic", "Basic"].map(() => basic),
    );
    expect(JSON.stringify(found)).not.toMatch(/ken-9f8e|person/);
    for (const [status, code] of [
      [401, "repo_not_found"],
      [503, "repo_unreachable"],
    ]) {
      server.answer = () => (_, response) => void response.writeHead(Number(status)).end();
      const thrown: unknown = await cloned(server, "r.git", { url }).catch((error: unknown) => error);
      expect(thrown).toMatchObject({ code });
      expect(JSON.stringify(thrown)).not.toMatch(/ken-9f8e|person/);
    }
  });

  it("of what is not there is not found", async () => {
    await expect(cloned(server, "nothing.git")).rejects.toMatchObject({ code: "repo_not_found" });
  });
});
