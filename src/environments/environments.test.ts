/** The cache without a network: listing, whole and damaged entries, disks, pruning. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { workspaceRecord } from "../../tests/support/workspace-records.ts";
import type { OperationEvent } from "../contract/progress.ts";
import { namelessFile } from "../platform/files.ts";
import { withLock } from "../platform/lock.ts";
import { type StatePaths, statePaths } from "../store/paths.ts";
import { WorkspaceStore } from "../store/workspace-store.ts";
import { Environments } from "./environments.ts";
import { type InstalledEnvironment, writeEnvironment } from "./records.ts";
import { publishSealed } from "./sealed.ts";

const unreachable = {
  PYRO_DEBIAN_MIRROR: "http://127.0.0.1:9/debian",
  PYRO_DEBIAN_SECURITY_MIRROR: "http://127.0.0.1:9/security",
};
let directory: string;
let paths: StatePaths;
let environments: Environments;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-environments-"));
  paths = statePaths({ PYRO_HOME: join(directory, "home") });
  environments = new Environments({ paths, env: unreachable, pyro_version: "0" });
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Puts an environment of that content into the cache. */
function install(name: string, content: string): InstalledEnvironment {
  paths.prepareCache();
  const sha256 = createHash("sha256").update(content).digest("hex");
  writeFileSync(paths.image(sha256), content);
  const environment: InstalledEnvironment = {
    schema_version: 2,
    name,
    digest: `sha256:${sha256}`,
    size_bytes: content.length,
    source: { kind: "debian-archive", suite: "bookworm", mirror: "http://deb.debian.org/debian" },
    release_date: "2026-01-01T00:00:00.000Z",
    package_count: 1,
    image: null,
    env: { PATH: "/bin" },
    created_at: "2026-01-01T00:00:00.000Z",
    pyro_version: "0",
  };
  writeEnvironment(environment, paths);
  return environment;
}

function imageOf(environment: InstalledEnvironment): string {
  return paths.image(environment.digest.slice("sha256:".length));
}

describe("listing", () => {
  it("writes nothing and says what is installed", async () => {
    expect((await environments.list()).map((one) => one.installed)).toEqual([false, false, false]);
    expect(readdirSync(directory)).toEqual([]);
    const { digest } = install("debian:12-base", "image");
    const base = (await environments.list()).find((one) => one.name === "debian:12-base");
    expect(base).toMatchObject({ installed: true, digest, size_bytes: 5 });
  });

  it("survives a damaged record, and counts a cut image as not installed", async () => {
    const environment = install("debian:12-base", "image");
    truncateSync(imageOf(environment), 4);
    writeFileSync(paths.environmentRecord("debian:12"), "\0\0");
    expect((await environments.list()).map((one) => one.installed)).toEqual([false, false, false]);
  });

  it("inspects by name, installed or not", async () => {
    expect(await environments.inspect("debian:12")).toMatchObject({
      installed: false,
      kernel: null,
      env: { HOME: "/root" },
    });
    install("debian:12", "image");
    expect(await environments.inspect("debian:12")).toMatchObject({ installed: true, env: { PATH: "/bin" } });
    await expect(environments.inspect("debian:13x")).rejects.toMatchObject({ code: "environment_not_installed" });
    await expect(environments.inspect("Debian:12")).rejects.toMatchObject({ code: "environment_not_found" });
  });
});

describe("a record of an earlier version", () => {
  it("is read as one of the archive's, and an unknown one is not read", () => {
    const { schema_version, image, ...common } = install("debian:12", "image");
    expect([schema_version, image]).toEqual([2, null]);
    const path = paths.environmentRecord("debian:12");
    writeFileSync(path, JSON.stringify({ schema_version: 1, ...common }));
    expect(environments.installed("debian:12")).toEqual({ schema_version: 2, image: null, ...common });
    writeFileSync(path, JSON.stringify({ schema_version: 3, ...common }));
    expect(environments.installed("debian:12")).toBeUndefined();
  });
});

describe("a whole entry", () => {
  it("is answered without the network, also from a cache that cannot be written", async () => {
    const environment = install("debian:12", "image");
    expect(await environments.ensure("debian:12")).toEqual(environment);
    const file = await environments.openImage(environment);
    expect(file.readAll().toString()).toBe("image");
    file.close();
  });

  it("is refused when its image was changed afterwards", async () => {
    const environment = install("debian:12", "image");
    (await environments.openImage(environment)).close();
    writeFileSync(imageOf(environment), "imagE");
    await expect(environments.openImage(environment)).rejects.toMatchObject({
      code: "environment_damaged",
      hint: "pyro env pull debian:12",
    });
  });

  it("is not taken for that of another name", async () => {
    const environment = install("debian:12-base", "image");
    writeFileSync(paths.environmentRecord("debian:12"), JSON.stringify(environment));
    expect((await environments.inspect("debian:12")).installed).toBe(false);
  });
});

describe("disks", () => {
  it("are small, have no name and are made once per size", async () => {
    const first = await environments.diskForRun(10);
    const made = readFileSync(paths.newDisk("blank", 10));
    first.write(Buffer.from("changed"));
    const second = await environments.diskForRun(10);
    expect(made.length).toBeLessThan(2 * 1024 * 1024);
    expect(second.readAll().equals(made)).toBe(true);
    expect(readdirSync(paths.disks)).toEqual(["blank-10.qcow2", "blank-10.qcow2.json"]);
    for (const disk of [first, second]) disk.close();
  });

  it("are made anew when the blank one is damaged", async () => {
    (await environments.diskForRun(1)).close();
    chmodSync(paths.newDisk("blank", 1), 0o600);
    truncateSync(paths.newDisk("blank", 1), 1000);
    const disk = await environments.diskForRun(1);
    expect(disk.readAll().toString("latin1", 0, 3)).toBe("QFI");
    disk.close();
  });

  it.each([0, -1, 1.5, Number.NaN, 1e9])("of %d GiB are refused", async (size) => {
    await expect(environments.diskForRun(size)).rejects.toMatchObject({ code: "invalid_input" });
  });
});

describe("prune", () => {
  it("removes what no record needs and nothing else", async () => {
    const kept = install("debian:12", "kept");
    const unlisted = install("debian:11", "unlisted");
    const damaged = install("debian:12-base", "damaged");
    writeFileSync(imageOf(damaged), "Damaged");
    writeFileSync(paths.image("0".repeat(64)), "orphan");
    writeFileSync(join(paths.environments, "broken.json"), "{");
    (await environments.diskForRun(1)).close();
    for (const key of ["old", "new"]) {
      const file = namelessFile(paths.initramfsDirectory);
      file.write(Buffer.from(key));
      (await publishSealed(file, paths.initramfs(key), paths)).close();
      file.close();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { removed, freed_bytes } = await environments.prune();
    const left = removed.map((one) => one.path);
    expect(left).toEqual(expect.arrayContaining([imageOf(unlisted), imageOf(damaged), paths.initramfs("old")]));
    expect(freed_bytes).toBe(removed.reduce((sum, one) => sum + one.size_bytes, 0));
    expect(freed_bytes).toBeGreaterThan(0);
    expect(readdirSync(paths.images)).toEqual([imageOf(kept).split("/").at(-1)]);
    expect(readdirSync(paths.environments)).toHaveLength(1);
    expect(readdirSync(paths.initramfsDirectory)).toEqual(["new.cpio", "new.cpio.json"]);
    expect(readdirSync(paths.disks)).toHaveLength(2);
    expect(await environments.prune()).toEqual({ removed: [], freed_bytes: 0 });
  });

  it("keeps the images that workspaces have, and all while a record cannot be read", async () => {
    const replaced = install("debian:12", "replaced");
    install("debian:12", "newest");
    const store = new WorkspaceStore(paths);
    store.create(workspaceRecord(1, { image: { digest: replaced.digest, env: {} } }));
    expect((await environments.prune()).removed).toEqual([]);
    mkdirSync(paths.workspace("ws-000000000002"));
    writeFileSync(paths.workspaceRecord("ws-000000000002"), "");
    store.remove("ws-000000000001");
    expect((await environments.prune()).removed).toEqual([]);
    store.remove("ws-000000000002");
    expect((await environments.prune()).removed.map(({ path }) => path)).toContain(imageOf(replaced));
  });

  it("touches nothing while something is being built", async () => {
    paths.prepareCache();
    writeFileSync(paths.image("0".repeat(64)), "orphan");
    await withLock(paths.environmentLock("debian:12-build"), {}, async () => {
      const events: OperationEvent[] = [];
      const result = await environments.prune({ emit: (event) => void events.push(event) });
      expect(result).toEqual({ removed: [], freed_bytes: 0 });
      expect(events).toMatchObject([{ type: "warning" }]);
    });
    expect((await environments.prune()).removed).toHaveLength(1);
  });
});

describe("an archive address that apt could misread", () => {
  it.each(["ftp://a/b", "http://a/b [trusted=yes]", "http://a/b\ndeb http://c d main", "file:///etc"])(
    "is refused: %j",
    async (address) => {
      const env = { PYRO_DEBIAN_MIRROR: address };
      const refused = new Environments({ paths, env, pyro_version: "0" }).ensure("debian:12-base");
      await expect(refused).rejects.toMatchObject({
        code: expect.stringMatching(/^(invalid_input|host_program_missing)$/),
      });
    },
  );
});
