/** What workspaces begin with that are told nothing: found without a write, in its order, and refused with a way out (GIT-07, GIT-08). */
import { execFileSync } from "node:child_process";
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect, inPlace, type TreePlace } from "../../../tests/support/tree-oracle.ts";
import { statePaths } from "../../store/paths.ts";
import { openSeed } from "../seed/open.ts";
import { type ProjectOptions, ProjectSource } from "./project-source.ts";

const GIT =
  'export GIT_CONFIG_GLOBAL=/dev/null; git() { command git -c user.name=a -c user.email=a -c protocol.file.allow=always "$@"; }; set -e;';
const MAKE =
  "git init -q t; cd t; echo '*.log' > .gitignore; mkdir -p a/b; echo x > a/b/f; echo y > x.log; git add .; git commit -qm one;";

function sh({ inside }: TreePlace, script: string): string {
  return execFileSync("/bin/bash", ["-c", GIT + script], { cwd: inside, encoding: "utf8" }).trim();
}

const from = (place: TreePlace, cwd: string, options: ProjectOptions = {}, home = "home") =>
  new ProjectSource({ cwd: join(place.inside, cwd), ...options }, { HOME: join(place.inside, home) });

/** Everything that may not change: names, kinds, modes, times, links, contents. */
function stateOf(directory: string): string[] {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      const found = lstatSync(path, { bigint: true });
      const { mode, mtimeNs, ctimeNs, ino } = found;
      const content = found.isSymbolicLink() ? readlinkSync(path) : found.isFile() ? readFileSync(path, "base64") : "";
      return [[path, mode, mtimeNs, ctimeNs, ino, content].join(" "), ...(found.isDirectory() ? stateOf(path) : [])];
    });
}

describe("a project", { timeout: 30_000 }, () => {
  it("is the checkout around the working directory, also through a symlink, in a linked work tree and in a submodule", async () => {
    await inPlace(async (place) => {
      sh(
        place,
        `git init -q lib; (cd lib; echo l > l; git add .; git commit -qm l); ${MAKE} git submodule -q add ../lib sub; git worktree add -q ../tree; ln -s t/a/b ../link`,
      );
      const at = (name: string) => join(place.inside, name);
      for (const [cwd, ref] of [
        ["t", "t"],
        ["t/a/b", "t"],
        ["link", "t"],
        ["tree/a", "tree"],
        ["t/sub", "t/sub"],
      ] as const) {
        const source = from(place, cwd);
        expect(await source.describe()).toEqual({ kind: "checkout", ref: at(ref) });
        expect(await source.seedFor({})).toEqual({ kind: "path", path: at(ref) });
      }
    });
  });

  it("is decided once, and nothing is looked at before", async () => {
    await inPlace(async (place) => {
      const source = from(place, "t");
      sh(place, MAKE);
      expect((await source.describe()).kind).toBe("checkout");
      sh(place, "rm -rf t/.git");
      expect((await source.describe()).kind).toBe("checkout");
    });
  });

  it("is no home directory, nothing above the limit, and no Git directory itself", async () => {
    await inPlace(async (place) => {
      sh(place, "git init -q home; mkdir -p home/work plain");
      const home = await from(place, "home/work").describe();
      expect(home).toMatchObject({ kind: "none", reason: /home directory/, hint: /--project-path/ });
      expect(await from(place, "home/work").seedFor({})).toBeUndefined();
      expect(await from(place, "home/.git").describe()).toMatchObject({ kind: "none" });
      expect(await from(place, "gone").describe()).toMatchObject({ kind: "none" });
      const named = from(place, "plain", { project_path: "../home" });
      expect(await named.describe()).toEqual({ kind: "project_path", ref: join(place.inside, "home") });
      const deep = `t/${"d/".repeat(70)}`;
      sh(place, `${MAKE} cd ..; mkdir -p ${deep}`);
      expect((await from(place, deep).describe()).kind).toBe("none");
    });
  });

  it("comes in the order of the call, the repository, the path, the checkout, nothing", async () => {
    await inPlace(async (place) => {
      sh(place, `${MAKE} mkdir ../other`);
      const repo_url = "https://user:token@git.example/r.git";
      const all = from(place, "t", { repo_url, repo_ref: "main", project_path: "../other" });
      expect(await all.describe()).toEqual({ kind: "repo_url", ref: "https://git.example/r.git" });
      expect(await all.seedFor({})).toEqual({ kind: "repository", url: repo_url, ref: "main", allow_private: false });
      expect(await all.seedFor({ seed_path: "/seed" })).toEqual({ kind: "path", path: "/seed" });
      expect(await all.seedFor({ repo_url: "https://h.example/x" })).toMatchObject({
        url: "https://h.example/x",
        ref: null,
      });
      expect(await from(place, "t", { project_path: "../other" }).seedFor({})).toMatchObject({
        path: join(place.inside, "other"),
      });
      const none = from(place, "t", { repo_url, no_project_source: true });
      expect([await none.describe(), await none.seedFor({})]).toEqual([{ kind: "none", ref: null }, undefined]);
    });
  });

  it("that cannot be used says why and what to do, and is never an empty workspace", async () => {
    await inPlace(async (place) => {
      writeFileSync(join(place.inside, "file"), "x");
      mkdirSync(join(place.inside, "home"));
      for (const [options, reason] of [
        [{ project_path: "gone" }, /ENOENT/],
        [{ project_path: "file" }, /neither a directory/],
        [{ repo_url: "ext::sh -c id" }, /https:\/\//],
        [{ repo_url: "https://h.example/r", repo_ref: "--x" }, /no name of a ref/],
      ] as const) {
        const source = from(place, "", options);
        expect(await source.describe()).toMatchObject({ reason, hint: expect.stringMatching(/./) });
        await expect(source.seedFor({})).rejects.toMatchObject({ code: "project_source_unusable", message: reason });
      }
      const both = from(place, "").seedFor({ seed_path: "/x", repo_url: "https://h.example/r" });
      await expect(both).rejects.toMatchObject({ code: "invalid_input" });
      await expect(from(place, "").seedFor({ repo_ref: "main" })).rejects.toMatchObject({ code: "invalid_input" });
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    "GIT-08 that belongs to another user is used only where it is named",
    async () => {
      await inPlace(async (place) => {
        sh(place, `${MAKE} cd ..; chown -R 12345 t`);
        const theirs = from(place, "t/a");
        expect(await theirs.describe()).toMatchObject({ kind: "checkout", reason: /another user/ });
        await expect(theirs.seedFor({})).rejects.toMatchObject({ code: "project_source_unusable" });
        expect((await from(place, "t", { project_path: "." }).describe()).reason).toBeUndefined();
        sh(place, "chown -R 0 t; chown 12345 t/.git");
        expect(await from(place, "t").describe()).toMatchObject({ reason: /another user/ });
        chownSync(join(place.inside, "t/.git"), 0, 0);
      });
    },
  );
});

describe("a checkout as a seed", { timeout: 30_000 }, () => {
  const seed = async (place: TreePlace, path: string, env: Record<string, string> = {}) => {
    const paths = statePaths({ PYRO_HOME: join(place.inside, "state") });
    paths.prepareCache();
    const source = await openSeed(join(place.inside, path), { paths, env });
    const entries = await collect(source.entries);
    return { paths: entries.map((entry) => entry.path), ...source.summary() };
  };

  it("is never written to, whatever state it is in", async () => {
    await inPlace(async (place) => {
      sh(
        place,
        `${MAKE} echo changed > a/b/f; echo new > new; touch -d 2001-01-01 .gitignore; ln -s / root; git add new; rm -f gone`,
      );
      const before = stateOf(join(place.inside, "t"));
      expect(await seed(place, "t")).toMatchObject({ origin_kind: "git_checkout", dirty: true });
      expect(stateOf(join(place.inside, "t"))).toEqual(before);
    });
  });

  it("says whether it differs from its commit", async () => {
    await inPlace(async (place) => {
      sh(place, `${MAKE} git gc -q`);
      const cases: [string, boolean | null][] = [
        ["true", false],
        ["echo ignored > z.log; touch -d 2001-01-01 a/b/f", false],
        ["echo changed > a/b/f", true],
        ["git checkout -q a; echo new > new", true],
        ["rm new; git rm -q --cached a/b/f; cp a/b/f keep.log; rm a/b/f", true],
        ["git reset -q --hard; echo x > staged; git add staged; rm staged; git rm -q --cached staged", false],
        ["echo 1 > a/b/f; git add .; git checkout -q HEAD -- .", false],
        ["git checkout -q --orphan other; git rm -qrf .; true", null],
      ];
      for (const [script, dirty] of cases) {
        sh(place, `cd t; ${script}`);
        expect([script, (await seed(place, "t")).dirty]).toEqual([script, dirty]);
      }
    });
  });

  it("names Git LFS pointers, submodules that are not there and files that cannot be read, and takes the rest", async () => {
    await inPlace(async (place) => {
      sh(
        place,
        `git init -q lib; (cd lib; echo l > l; git add .; git commit -qm l); git init -q deep; (cd deep; git submodule -q add "$PWD/../lib" inner; git commit -qm d)
        ${MAKE} git submodule -q add "$PWD/../deep" sub; git submodule -q add "$PWD/../lib" other; printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:1\\nsize 1\\n' > big
        printf 'version https://git-lfs.github.com/spec/v1 is what it says' > text; mkfifo pipe; ln -s a linked; git add .; git commit -qm two
        git clone -q . ../again; cd ../again; git submodule -q update --init sub; rm -rf sub/inner; mkdir sub/inner`,
      );
      const found = await seed(place, "again");
      expect(found.paths).toEqual([
        ".gitignore",
        ".gitmodules",
        "a",
        "a/b",
        "a/b/f",
        "big",
        "linked",
        "other",
        "sub",
        "sub/.gitmodules",
        "sub/inner",
        "text",
      ]);
      expect(found.skipped).toEqual(
        ["other", "sub/inner"].map((path) => ({ path, reason: "submodule_not_checked_out" })),
      );
      expect([found.lfs_pointer_count, found.notes]).toEqual([
        1,
        [expect.stringContaining('1 file is a Git LFS pointer, whose content is not here: "big"')],
      ]);
    });
  });

  it("GIT-07 is listed without the caller's aliases, hooks, helpers and variables", async () => {
    await inPlace(async (place) => {
      const ran = join(place.outside, "ran");
      const HOME = join(place.inside, "home");
      mkdirSync(HOME);
      const run = `"!touch ${ran}"`;
      const config = `[alias]\n\tls-files = ${run}\n\tconfig = ${run}\n\tdiff-index = ${run}\n[core]\n\tfsmonitor = touch ${ran}\n\thooksPath = ${HOME}\n\tpager = touch ${ran}\n\tsshCommand = touch ${ran}\n\teditor = touch ${ran}\n[credential]\n\thelper = ${run}\n[diff]\n\texternal = touch ${ran}\n[filter "x"]\n\tclean = touch ${ran}\n\tprocess = touch ${ran}\n[include]\n\tpath = /proc/self/environ\n`;
      writeFileSync(join(HOME, ".gitconfig"), config);
      sh(place, `${MAKE} echo '* filter=x diff=x' > .gitattributes; git add .; git commit -qm two; echo z > a/b/f`);
      const hostile = {
        GIT_SSH_COMMAND: `touch ${ran}`,
        GIT_EXTERNAL_DIFF: `touch ${ran}`,
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "core.fsmonitor",
        GIT_CONFIG_VALUE_0: `touch ${ran}`,
        GIT_DIR: "/nonexistent",
        GIT_INDEX_FILE: "/nonexistent",
        GIT_TRACE: ran,
      };
      const before = { ...process.env };
      Object.assign(process.env, hostile);
      try {
        expect(await seed(place, "t", { ...hostile, HOME })).toMatchObject({
          origin_kind: "git_checkout",
          dirty: true,
        });
      } finally {
        for (const name of Object.keys(hostile)) delete process.env[name];
        Object.assign(process.env, before);
      }
      expect(readdirSync(place.outside)).toEqual(["canary"]);
    });
  });

  it("GIT-08 with a Git directory elsewhere, a work tree of all, ignore files that are links or pipes has its own files alone", async () => {
    await inPlace(async (place) => {
      sh(
        place,
        `${MAKE} cd ..; mkdir u; mv t/.git elsewhere; echo "gitdir: ../elsewhere" > t/.git; git -C t config core.worktree /; mkdir -p elsewhere/info
        rm -f elsewhere/info/exclude; mkfifo elsewhere/info/exclude; echo secret > u/secret; ln -s ../u t/up; git -C t config core.excludesFile /dev/zero`,
      );
      symlinkSync("/etc/passwd", join(place.inside, "t/a/.gitignore"));
      const found = await seed(place, "t");
      expect(found.paths).toEqual([".gitignore", "a", "a/.gitignore", "a/b", "a/b/f", "up"]);
      expect(found).toMatchObject({ origin_kind: "git_checkout", commit: expect.stringMatching(/^[0-9a-f]{40}$/) });
    });
  });
});
