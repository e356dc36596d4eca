/** Where state lies, and which directories are refused. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { slugOf, statePaths } from "./paths.ts";

const uid = process.getuid?.() ?? 0;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-paths-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("locations", () => {
  it("follow PYRO_HOME, then XDG, then the home directory", () => {
    const own = statePaths({ PYRO_HOME: "/p", XDG_CACHE_HOME: "/c" }, uid, "/h");
    expect([own.data, own.cache]).toEqual(["/p", "/p/cache"]);
    const xdg = statePaths({ XDG_DATA_HOME: "/d", XDG_CACHE_HOME: "/c" }, uid, "/h");
    expect([xdg.data, xdg.cache]).toEqual(["/d/pyro", "/c/pyro"]);
    const home = statePaths({ PYRO_HOME: "", XDG_CACHE_HOME: "relative" }, uid, "/h");
    expect([home.data, home.cache]).toEqual(["/h/.local/share/pyro", "/h/.cache/pyro"]);
  });

  it("refuse a relative PYRO_HOME", () => {
    expect(() => statePaths({ PYRO_HOME: "here" }, uid, "/h")).toThrow(
      expect.objectContaining({ code: "invalid_input" }),
    );
  });

  it("give every environment name a file name of its own", () => {
    const names = ["debian:12", "debian/12", "Debian:12", "../../etc", "ghcr.io/a/b@sha256:0", "", "ä".repeat(300)];
    const slugs = names.map(slugOf);
    expect(new Set(slugs).size).toBe(names.length);
    for (const slug of slugs) expect(slug).toMatch(/^[a-z0-9_-][a-z0-9._-]{0,100}$/);
  });
});

describe("the cache", () => {
  it("is made once, and checked without being written", () => {
    const paths = statePaths({ PYRO_HOME: join(directory, "fresh") }, uid);
    paths.checkCache();
    expect(readdirSync(directory)).toEqual([]);
    paths.prepareCache();
    paths.prepareCache();
    expect(readdirSync(paths.cache)).toContain("images");
  });

  it("is refused when a part of it is a symlink or open to others", () => {
    const linked = statePaths({ PYRO_HOME: join(directory, "linked") }, uid);
    mkdirSync(linked.cache, { recursive: true });
    symlinkSync("/tmp", linked.images);
    expect(() => linked.checkCache()).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
    expect(() => linked.prepareCache()).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
    const open = statePaths({ PYRO_HOME: join(directory, "open") }, uid);
    open.prepareCache();
    for (const path of [open.locks, open.data]) {
      chmodSync(path, 0o770);
      expect(() => open.checkCache()).toThrow(expect.objectContaining({ code: "state_dir_unsafe" }));
      chmodSync(path, 0o700);
    }
    open.checkCache();
  });
});
