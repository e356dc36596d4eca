/** Images of layers hold what umoci unpacks of the same layers, path by path; the deviations are listed here with their reasons. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readImageArchive } from "../../src/environments/layers/image-archive.ts";
import { statePaths } from "../../src/store/paths.ts";
import { guestsOf, quiet } from "../support/guests.ts";
import { buildQuietly, ImagePlace, type ListedEntry } from "../support/image-trees.ts";
import { manyLayers } from "../support/many-layers.ts";
import { layerOf, layoutFiles, type MadeLayer, writeFiles } from "../support/oci-layout.ts";
import { tarOf } from "../support/tar-maker.ts";

const busybox = ["/bin/busybox", "/usr/bin/busybox"].find((path) => existsSync(path));
const counterparts = existsSync("/usr/bin/umoci") && existsSync("/usr/bin/skopeo");

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-images-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

type Listing = ReadonlyMap<string, ListedEntry>;

/** Paths whose entries differ. Times of directories that no layer describes are left out: umoci has the present, and we have 1970. */
function differences(ours: Listing, theirs: Listing, described: ReadonlySet<string>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const path of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const [own, other] = [ours.get(path), theirs.get(path)].map((entry) =>
      entry?.kind === "directory" && !described.has(path) ? { ...entry, mtime: 0 } : entry,
    );
    if (JSON.stringify(own) !== JSON.stringify(other)) found[path] = { ours: own, theirs: other };
  }
  return found;
}

/** Directories that the layers describe; the root's time is sqfstar's own choice. */
function describedIn(listing: Listing): Set<string> {
  const described = [...listing.values()].filter(({ kind, mtime }) => kind === "directory" && mtime !== 0);
  return new Set(described.map(({ path }) => path).filter((path) => path !== ""));
}

async function compare(layers: readonly MadeLayer[]) {
  const built = await place.build(layers);
  const ours = place.listImage(built.sha256);
  return { built, ours, found: differences(ours, place.listByUmoci(layers), describedIn(ours)) };
}

/** A tar of an installed environment. */
async function debianTar(name: string): Promise<Buffer> {
  const guests = guestsOf(statePaths());
  const environment = await guests.environments.ensure(name, quiet);
  const image = statePaths().image(environment.digest.slice("sha256:".length));
  const root = join(directory, "debian");
  spawnSync("/usr/bin/unsquashfs", ["-q", "-n", "-d", root, image]);
  const tar = join(directory, "debian.tar");
  spawnSync("/bin/tar", ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", root, "-cf", tar, "."]);
  rmSync(root, { recursive: true });
  const bytes = readFileSync(tar);
  rmSync(tar);
  return bytes;
}

describe.skipIf(!counterparts)("an image beside umoci", () => {
  it("of twelve layers with every whiteout and odd name is the same tree", async () => {
    const { built, ours, found } = await compare(manyLayers());
    // The guest has its own devices; what an overlay takes for a whiteout would hide nothing, and be hidden.
    expect(Object.keys(found)).toEqual(["deleted-by-overlay", "dev/null"]);
    expect(found).toMatchObject({ "dev/null": { ours: undefined }, "deleted-by-overlay": { ours: undefined } });
    expect(built.added).toEqual([]);
    expect(ours.get("two")).toMatchObject({ same_as: "three", size: 14 });
    expect(ours.get("linked-cut")).toMatchObject({ size: 29 });
    expect(ours.get("overlay-trick")?.xattrs).toEqual({});
    expect(ours.get("capable")?.xattrs).toHaveProperty(["security.capability"]);
  });

  it.skipIf(busybox === undefined)("of one static program is the same tree, and what a guest needs", async () => {
    const program = readFileSync(busybox ?? "");
    const parts = [
      { name: "bin/", type: "5", mode: 0o755, mtime: 1_700_000_000 },
      { name: "bin/busybox", content: program, mode: 0o755 },
      ...["sh", "ls", "cat"].map((name) => ({ name: `bin/${name}`, type: "1", link: "bin/busybox" })),
    ];
    const { built, found } = await compare([layerOf(tarOf(parts))]);
    expect(Object.keys(found).sort()).toEqual([...built.added].sort());
    expect(built.added).toContain("workspace");
  });

  it("of Debian and a layer on top of it is the same tree", async () => {
    const base = layerOf(await debianTar("debian:12-base"));
    const top = layerOf(tarOf([{ name: "usr/share/.wh.doc" }, { name: "bin/own", content: "through the symlink" }]));
    const { built, ours, found } = await compare([base, top]);
    expect(Object.keys(found)).toEqual(built.added);
    expect(ours.get("usr/bin/own")).toMatchObject({ kind: "file" });
    expect(ours.size).toBeGreaterThan(3000);
  });
});

describe.skipIf(!counterparts)("layers that umoci inserts, which end with their last content", () => {
  it.each(["a directory", "a file", "a whole block"])("of %s are the same tree", async (kind) => {
    const layout = join(directory, `inserted-${kind.replaceAll(" ", "-")}`);
    writeFiles(layout, layoutFiles([layerOf(tarOf([{ name: "in/", type: "5", mode: 0o755, mtime: 1 }]))]));
    const source = join(directory, "source");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "file"), "x".repeat(kind === "a whole block" ? 1024 : 1030));
    const path = kind === "a directory" ? source : join(source, "file");
    spawnSync("/usr/bin/umoci", ["insert", "--image", `${layout}:latest`, path, "/in/new"]);
    const image = await readImageArchive(layout, { paths: place.paths, signal: quiet.signal });
    try {
      const { sha256, added } = await buildQuietly(image.layers, place.paths);
      const ours = place.listImage(sha256);
      expect(Object.keys(differences(ours, place.listLayoutByUmoci(layout), describedIn(ours)))).toEqual(
        [...added].sort(),
      );
      expect(ours.get(kind === "a directory" ? "in/new/file" : "in/new")).toMatchObject({ kind: "file" });
    } finally {
      image.close();
    }
  });
});

describe.skipIf(!counterparts)("archives that skopeo makes", () => {
  it.each(["oci-archive", "docker-archive", "oci"])("of the kind %s give the image of the layers", async (kind) => {
    const layers = manyLayers().map(({ tar }) => layerOf(tar));
    const layout = join(directory, `layout-${kind}`);
    writeFiles(layout, layoutFiles(layers));
    const path = join(directory, `copied-${kind}`);
    const copied = spawnSync("/usr/bin/skopeo", ["copy", "-q", `oci:${layout}:latest`, `${kind}:${path}:name:tag`]);
    expect(copied.stderr.toString()).toBe("");
    const image = await readImageArchive(path, { paths: place.paths, signal: quiet.signal });
    try {
      expect(image.layers.map(({ diff_id }) => diff_id)).toEqual(layers.map(({ diff_id }) => diff_id));
      const built = await buildQuietly(image.layers, place.paths);
      expect(built.sha256).toBe((await place.build(layers)).sha256);
    } finally {
      image.close();
    }
  });
});
