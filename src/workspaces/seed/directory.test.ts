/** Directories and Git checkouts as seeds: what is taken, what is listed as left out, and what a hostile one cannot do (SEED-14 to SEED-19). */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect, inPlace, type TreePlace } from "../../../tests/support/tree-oracle.ts";
import { treeLimits } from "../../contract/tree-check.ts";
import { runProgram } from "../../platform/programs.ts";
import { statePaths } from "../../store/paths.ts";
import { openSeed } from "./open.ts";
import type { SeedOptions } from "./source.ts";

async function sh(place: TreePlace, script: string): Promise<string> {
  const who =
    'export GIT_CONFIG_GLOBAL=/dev/null; git() { command git -c user.name=a -c user.email=a -c init.defaultBranch=main "$@"; };';
  const { exit_code, stderr, stdout } = await runProgram("/bin/bash", ["-ec", who + script], { cwd: place.inside });
  expect([exit_code, exit_code === 0 ? "" : stderr]).toEqual([0, ""]);
  return stdout.trim();
}

function optionsOf({ inside }: TreePlace): SeedOptions {
  const paths = statePaths({ PYRO_HOME: join(inside, "home") });
  paths.prepareCache();
  return { paths, env: {} };
}

async function seed(place: TreePlace, path: string, more: Partial<SeedOptions> = {}) {
  const source = await openSeed(join(place.inside, path), { ...optionsOf(place), ...more });
  const entries = await collect(source.entries);
  return { entries, paths: entries.map((entry) => entry.path), ...source.summary() };
}

describe("a directory", () => {
  it("SEED-15 SEED-19 is taken whole, sorted, with links as links and odd names as they are", async () => {
    await inPlace(async (place) => {
      const script = `mkdir -p t/b/c t/empty; cd t; echo x > b/c/f; echo y > b-; chmod 755 b-; : > none
        ln -s ${place.outside} out; ln -s missing dangling; touch -- $'a\\nb' $'\\x1b[31m' $'\\xff' -rf 'c\\d' dot.; mkdir .git; echo z > .git/config`;
      await sh(place, script);
      const { entries, paths, origin_kind, origin_ref, skipped } = await seed(place, "t");
      expect(paths).toEqual([
        "\u001b[31m",
        "-rf",
        ".git",
        ".git/config",
        "a\nb",
        "b",
        "b/c",
        "b/c/f",
        "b-",
        "c\\d",
        "dangling",
        "dot.",
        "empty",
        "none",
        "out",
        "\udcff",
      ]);
      expect(entries.find(({ path }) => path === "out")).toMatchObject({ kind: "symlink", link_target: place.outside });
      expect(entries.find(({ path }) => path === "b-")).toMatchObject({ mode: 0o755, text: "y\n" });
      expect([origin_kind, origin_ref, skipped]).toEqual(["directory", join(place.inside, "t"), []]);
    });
  });

  it("SEED-15 lists FIFOs, sockets and devices as skipped", async () => {
    await inPlace(async (place) => {
      await sh(place, "mkdir t; mkfifo t/fifo; echo x > t/f; mknod t/device c 1 5 2>/dev/null || true");
      const server = createServer().listen(join(place.inside, "t/socket"));
      await new Promise((resolve) => server.once("listening", resolve));
      const { paths, skipped } = await seed(place, "t");
      await new Promise((resolve) => server.close(resolve));
      expect(paths).toEqual(["f"]);
      const device = existsSync(join(place.inside, "t/device")) ? [{ path: "device", reason: "device" }] : [];
      expect(skipped).toEqual([...device, { path: "fifo", reason: "fifo" }, { path: "socket", reason: "socket" }]);
    });
  });

  it.skipIf(process.getuid?.() !== 0)("SEED-15 lists what it may not read", async () => {
    await inPlace(async (place) => {
      await sh(
        place,
        "mkdir -p t/locked t/open; echo x > t/locked/f; echo y > t/secret; echo z > t/z; chmod 700 t/locked; chmod 600 t/secret",
      );
      for (const path of [place.root, place.inside]) chmodSync(path, 0o755);
      const options = optionsOf(place);
      process.seteuid?.(65534);
      try {
        const source = await openSeed(join(place.inside, "t"), options);
        expect((await collect(source.entries)).map(({ path }) => path)).toEqual(["open", "z"]);
        expect(source.summary().skipped).toEqual(["locked", "secret"].map((path) => ({ path, reason: "unreadable" })));
      } finally {
        process.seteuid?.(0);
      }
    });
  });

  it("SEED-15 lists a file that does not hold still, and never pads or cuts one", async () => {
    await inPlace(async (place) => {
      const path = join(place.inside, "t/log");
      mkdirSync(join(place.inside, "t"));
      writeFileSync(path, Buffer.alloc(12 * 1_048_576));
      const growing = setInterval(() => writeFileSync(path, "more", { flag: "a" }), 1);
      const { paths, skipped } = await seed(place, "t");
      clearInterval(growing);
      expect([paths, skipped]).toEqual([[], [{ path: "log", reason: "changed_during_copy" }]]);
      expect((await seed(place, "t")).entries[0]?.text.length).toBe(statSync(path).size);
    });
  });

  it("reads a file whose size the file system does not tell as one that changes", async () => {
    await inPlace(async (place) => {
      const source = await openSeed("/proc/sys/kernel/random", optionsOf(place));
      for await (const entry of source.entries) expect(entry.path).not.toBe("uuid");
      expect(source.summary().skipped).toContainEqual({ path: "uuid", reason: "changed_during_copy" });
    });
  });

  it("SEED-14 is refused beyond a limit, with the number", async () => {
    await inPlace(async (place) => {
      await sh(place, `mkdir -p t/${"d/".repeat(70)} u v; touch u/{1..30}; truncate -s 3G v/sparse`);
      await expect(seed(place, "t")).rejects.toMatchObject({ code: "too_large", message: /deeper than 64/ });
      const limits = { ...treeLimits, entries: 20 };
      await expect(seed(place, "u", { limits })).rejects.toMatchObject({ code: "too_large", message: /more than 20 / });
      await expect(seed(place, "v")).rejects.toMatchObject({ code: "too_large", message: /2,147,483,648 bytes/ });
    });
  });

  it("that is not there, or no directory, is an error", async () => {
    await inPlace(async (place) => {
      writeFileSync(join(place.inside, "file"), "x");
      await expect(seed(place, "missing")).rejects.toMatchObject({ code: "seed_not_found" });
      await expect(seed(place, "file")).rejects.toMatchObject({ code: "unsupported_type" });
    });
  });

  it("is left when its reader leaves, and when the caller cancels", async () => {
    await inPlace(async (place) => {
      await sh(place, "mkdir -p t/a/b; echo x > t/a/b/f; echo y > t/a/b/g");
      const source = await openSeed(join(place.inside, "t"), optionsOf(place));
      for await (const entry of source.entries) if (entry.kind === "file") break;
      await expect(seed(place, "t", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    });
  });
});

describe("a Git checkout", () => {
  const make = `git init -q t; cd t; printf '*.log\\nbuild/\\n' > .gitignore; mkdir -p src build; echo a > src/a; echo gone > gone
    echo link > plain; ln -s src/a link; git add .; git commit -qm one; rm gone; echo new > src/new; echo x > x.log; echo y > build/out; echo secret > .env; echo .env > .git/info/exclude;`;

  it("is what Git tracks or does not ignore, at its commit", async () => {
    await inPlace(async (place) => {
      const commit = await sh(place, `${make} git rev-parse HEAD`);
      const found = await seed(place, "t");
      expect(found.paths).toEqual([".gitignore", "link", "plain", "src", "src/a", "src/new"]);
      expect([found.origin_kind, found.commit, found.notes]).toEqual(["git_checkout", commit, []]);
      await sh(place, "cd t; git pack-refs --all; git update-index --split-index; git checkout -q --detach");
      expect(await seed(place, "t")).toMatchObject({ commit, paths: found.paths });
    });
  });

  it("can be a directory in it; one that Git ignores is taken whole", async () => {
    await inPlace(async (place) => {
      await sh(place, make);
      expect(await seed(place, "t/src")).toMatchObject({ origin_kind: "git_checkout", paths: ["a", "new"] });
      const ignored = await seed(place, "t/build");
      expect(ignored).toMatchObject({ origin_kind: "directory", paths: ["out"] });
      expect(ignored.notes).toEqual([expect.stringContaining("Git ignores")]);
    });
  });

  it("takes submodules, repositories inside it and linked work trees by their own rules", async () => {
    await inPlace(async (place) => {
      const script = `git init -q lib; cd lib; echo i > .gitignore; echo l > l; git add .; git commit -qm lib; cd ..
        ${make} git -c protocol.file.allow=always submodule -q add ../lib sub; git commit -qm sub
        git init -q nested; echo n > nested/n; git init -q gone; echo g > gone/g; git -C gone add .; git -C gone commit -qm g; git add gone 2>/dev/null; rm -r gone; echo i > sub/i; git worktree add -q ../tree
        git clone -q . ../bare-sub`;
      await sh(place, script);
      const { paths } = await seed(place, "t");
      expect(paths.filter((path) => /^(sub|nested)/.test(path))).toEqual([
        "nested",
        "nested/n",
        "sub",
        "sub/.gitignore",
        "sub/l",
      ]);
      expect((await seed(place, "tree")).origin_kind).toBe("git_checkout");
      expect((await seed(place, "bare-sub")).skipped).toEqual([{ path: "sub", reason: "submodule_not_checked_out" }]);
    });
  });

  it("honours the caller's own ignore file", async () => {
    await inPlace(async (place) => {
      await sh(place, `mkdir -p home/.config/git; echo '*.key' > home/.config/git/ignore; ${make} echo k > my.key`);
      expect((await seed(place, "t")).paths).toContain("my.key");
      const env = { HOME: join(place.inside, "home") };
      expect((await seed(place, "t", { env })).paths).not.toContain("my.key");
      writeFileSync(join(env.HOME, ".gitconfig"), "[core]\n\texcludesFile = ~/mine\n");
      writeFileSync(join(env.HOME, "mine"), "new\n");
      expect((await seed(place, "t", { env })).paths).not.toContain("src/new");
    });
  });

  it("that is hostile runs nothing, is not written to, and does not lead outside", async () => {
    await inPlace(async (place) => {
      const ran = join(place.outside, "ran");
      const script = `${make} cat >> .git/config <<END
[core]
	fsmonitor = "touch ${ran}; false"
	hooksPath = hooks
	worktree = ${place.outside}
	pager = touch ${ran}
	sshCommand = touch ${ran}
[filter "x"]
	clean = touch ${ran}
	smudge = touch ${ran}
[extensions]
	partialClone = origin
[remote "origin"]
	promisor = true
	url = ext::touch ${ran}
END
        printf '* filter=x\\n' > .gitattributes; mkdir -p hooks .git/hooks
        for hook in post-index-change pre-commit fsmonitor-watchman; do printf '#!/bin/sh\\ntouch ${ran}\\n' | tee hooks/$hook > .git/hooks/$hook; chmod +x hooks/$hook .git/hooks/$hook; done
        rm -r src; ln -s ${place.outside} src; find .git -type f -print0 | sort -z | xargs -0 sha256sum; stat -c %y .git/index`;
      const before = await sh(place, script);
      const { paths, entries } = await seed(place, "t");
      expect(paths).not.toContain("src/a");
      expect(entries.find(({ path }) => path === "src")).toMatchObject({ kind: "symlink" });
      const after = await sh(
        place,
        "cd t; find .git -type f -print0 | sort -z | xargs -0 sha256sum; stat -c %y .git/index",
      );
      expect(after.split("\n").slice(-40)).toEqual(before.split("\n").slice(-40));
      expect(existsSync(ran)).toBe(false);
    });
  });

  it("whose .git file points to itself or nowhere is a plain directory", async () => {
    await inPlace(async (place) => {
      mkdirSync(join(place.inside, "t"));
      for (const target of [".", "/nonexistent", "../../../outside", ".git"]) {
        writeFileSync(join(place.inside, "t/.git"), `gitdir: ${target}\n`);
        expect((await seed(place, "t")).origin_kind).toBe("directory");
      }
      rmSync(join(place.inside, "t/.git"));
      await sh(place, "mkfifo t/.git");
      expect((await seed(place, "t")).skipped).toEqual([{ path: ".git", reason: "fifo" }]);
    });
  });

  it("with an index that is no index is an error that says so", async () => {
    await inPlace(async (place) => {
      await sh(place, `${make} echo broken > .git/index`);
      await expect(seed(place, "t")).rejects.toMatchObject({ code: "seed_unreadable", message: /git cannot list/ });
    });
  });

  it("without git on the host is a plain directory, and a note says so", async () => {
    await inPlace(async (place) => {
      await sh(place, make);
      const found = await seed(place, "t", { git: null });
      expect(found).toMatchObject({ origin_kind: "directory", commit: null });
      expect(found.notes).toEqual([expect.stringContaining("git is not installed")]);
    });
  });

  it("SEED-17 never runs a git that lies first on PATH or in the working directory", async () => {
    await inPlace(async (place) => {
      await sh(
        place,
        `mkdir bin; printf '#!/bin/sh\\ntouch ${place.outside}/ran\\n' > bin/git; chmod +x bin/git; ${make} cp ../bin/git git`,
      );
      const { PATH } = process.env;
      process.env["PATH"] = `${join(place.inside, "bin")}:${PATH}`;
      try {
        expect((await seed(place, "t")).origin_kind).toBe("git_checkout");
      } finally {
        process.env["PATH"] = PATH;
      }
    });
  });

  it("without a commit has none, and a symlink to it is followed to its root", async () => {
    await inPlace(async (place) => {
      await sh(place, "git init -q t; echo x > t/x");
      symlinkSync("t", join(place.inside, "link"));
      expect(await seed(place, "link")).toMatchObject({
        commit: null,
        paths: ["x"],
        origin_ref: join(place.inside, "t"),
      });
      expect(readFileSync(join(place.inside, "t/x"), "utf8")).toBe("x\n");
    });
  });
});
