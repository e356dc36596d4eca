/** Root images of layers: what they hold, and what of hostile names. Nothing of a layer gets a name on this machine. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileIn, ImagePlace, type ListedEntry } from "../support/image-trees.ts";
import { manyLayers, oldSparse } from "../support/many-layers.ts";
import { digestOf, layerOf, type MadeLayer } from "../support/oci-layout.ts";
import { pax, type TarPart, tarOf } from "../support/tar-maker.ts";

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-layers-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

const layer = (...parts: TarPart[]): MadeLayer => layerOf(tarOf(parts));
const build = (...layers: MadeLayer[]) => place.build(layers);
const clock = () => Math.floor(Date.now() / 1000);

/** What an image of these layers holds. */
async function listed(...layers: MadeLayer[]): Promise<Map<string, ListedEntry>> {
  return place.listImage((await build(...layers)).sha256);
}

describe("a root image of layers", () => {
  it("is the same for the same layers", async () => {
    const first = await place.build(manyLayers());
    rmSync(place.paths.image(first.sha256));
    // What is taken from the clock shows only in another second.
    for (const second = clock(); clock() === second; ) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await place.build(manyLayers())).sha256).toBe(first.sha256);
  });

  it.each(["none", "gzip", "zstd"] as const)("is made of layers with the compression %s", async (compression) => {
    const tar = tarOf([{ name: "a", content: "content" }]);
    const tree = await listed(layerOf(tar, compression));
    expect(tree.get("a")).toMatchObject({ kind: "file", size: 7 });
  });

  it("takes a gzip stream of several members", async () => {
    const tar = tarOf([{ name: "a", content: "content" }]);
    const blob = Buffer.concat([gzipSync(tar.subarray(0, 600)), gzipSync(tar.subarray(600))]);
    const tree = await listed({ ...layerOf(tar), blob });
    expect(tree.get("a")).toMatchObject({ kind: "file", size: 7 });
  });

  it("has what a guest needs, and leaves alone what is there", async () => {
    const image = await build(
      layer(
        { name: "etc/hosts", content: "10.0.0.1 own\n", mode: 0o640 },
        { name: "etc/resolv.conf", type: "2", link: "../run/systemd/resolve/stub-resolv.conf" },
        { name: "proc", type: "2", link: "/elsewhere" },
        { name: "var/tmp/", type: "5" },
        { name: "tmp", type: "2", link: "var/tmp" },
      ),
    );
    const added = [
      "workspace",
      "proc",
      "sys",
      "dev",
      "run",
      "root",
      "etc/resolv.conf",
      "etc/machine-id",
      "etc/hostname",
    ];
    expect(image.added).toEqual(added);
    const tree = place.listImage(image.sha256);
    expect(tree.get("etc/hosts")).toMatchObject({ size: 13, mode: 0o640 });
    expect(tree.get("etc/resolv.conf")).toMatchObject({ kind: "file", size: 0, mode: 0o644 });
    expect(tree.get("proc")).toMatchObject({ kind: "directory", mode: 0o755 });
    expect(tree.get("tmp")).toMatchObject({ kind: "symlink" });
  });

  it("has a sparse file of GNU's old form, holes and all", async () => {
    const tar = Buffer.concat([oldSparse("sparse"), tarOf([{ name: "after", content: "after" }])]);
    const tree = await listed(layerOf(tar));
    const expected = Buffer.alloc(8192);
    expected.fill("A", 1024, 1536).fill("B", 4096, 4608);
    expect(tree.get("sparse")).toMatchObject({ size: 8192, sha256: digestOf(expected).slice(7) });
    expect(tree.get("after")).toMatchObject({ size: 5 });
  });

  it("has a file that is all hole", async () => {
    const told = pax({ "GNU.sparse.size": "1000000", "GNU.sparse.map": "1000000,0" });
    const tree = await listed(layer(told, { name: "hole" }));
    expect(tree.get("hole")).toMatchObject({ size: 1_000_000, sha256: digestOf(Buffer.alloc(1_000_000)).slice(7) });
  });

  it("says what it leaves out", async () => {
    const image = await build(
      layer(
        pax({ "SCHILY.xattr.system.posix_acl_access": "x", "SCHILY.xattr.trusted.overlay.metacopy": "y" }),
        { name: "a" },
        { name: "dev/sda", type: "4", device: [8, 0] },
        { name: "gone", type: "3", device: [0, 0] },
        { name: ".wh..wh.plnk/1", content: "aufs" },
        { name: ".wh..wh.aufs", content: "aufs" },
      ),
    );
    expect(image.left_out).toEqual({
      "extended attributes": 2,
      "devices below /dev": 1,
      "overlay's whiteouts": 1,
      "AUFS' own files": 1,
    });
  });
});

describe("an entry of a layer", () => {
  it.each(["../x", "a/../../x", "/../x", "a/.."])("may not be named %j", async (name) => {
    const bad = layer({ name, content: "escaped" });
    await expect(build(bad)).rejects.toMatchObject({
      code: "path_escape",
      details: { layer: bad.digest, entry: name },
    });
  });

  it("behind a symlink out of the image lands in the image", async () => {
    const probe = join(directory, "probe");
    const tree = await listed(
      layer({ name: "etc", type: "2", link: probe }, { name: "up", type: "2", link: "../../../../../tmp" }),
      layer({ name: "etc/x", content: "contained" }, { name: "up/y", content: "contained" }),
    );
    expect(tree.get(`${probe.slice(1)}/x`)).toMatchObject({ kind: "file", size: 9 });
    expect(tree.get("tmp/y")).toMatchObject({ kind: "file" });
    expect(existsSync(probe)).toBe(false);
    expect(existsSync("/tmp/y")).toBe(false);
  });

  it("may be named from the root", async () => {
    expect((await listed(layer({ name: "/a/b" }))).get("a/b")).toMatchObject({ kind: "file" });
  });

  it("that is a whiteout takes nothing away but what it names", async () => {
    const canary = join(directory, "victim");
    const outside = fileIn(directory, "victim", "alive");
    const tree = await listed(
      layer(
        { name: "etc", type: "2", link: directory },
        { name: "keep", content: "x" },
        { name: "..wh.", content: "odd" },
        { name: "d/lower", content: "x" },
      ),
      layer({ name: "etc/.wh.victim" }, { name: ".wh...wh." }, { name: "d/.wh.nothing" }),
    );
    expect(existsSync(canary)).toBe(true);
    expect(outside.toString()).toBe("alive");
    expect([...tree.keys()]).toEqual(expect.arrayContaining(["keep", "d/lower", "etc"]));
    expect(tree.has("..wh.")).toBe(false);
  });

  it.each([".wh.", ".wh..", ".wh...", "d/.wh.."])("may not be the whiteout %j", async (name) => {
    await expect(build(layer({ name: "a" }), layer({ name }))).rejects.toMatchObject({ code: "path_escape" });
  });

  it("that is an opaque root hides all below it, and nothing beside it", async () => {
    const tree = await listed(
      layer({ name: "old" }, { name: "d/old" }),
      layer({ name: "new" }, { name: ".wh..wh..opq" }, { name: "d/new" }),
    );
    expect(["old", "d/old", "new", "d/new"].filter((path) => tree.has(path))).toEqual(["new", "d/new"]);
  });

  it("that is a hard link to a symlink is that symlink once more", async () => {
    const secret = fileIn(directory, "secret", "secret");
    const tree = await listed(
      layer({ name: "s", type: "2", link: join(directory, "secret") }),
      layer({ name: "h", type: "1", link: "s" }),
    );
    expect(secret.length).toBe(6);
    expect(tree.get("h")).toMatchObject({ kind: "symlink", target: join(directory, "secret"), same_as: "h" });
    expect(tree.get("s")).toMatchObject({ same_as: "h" });
  });

  it.each<[string, TarPart]>([
    ["a hard link to nothing", { name: "h", type: "1", link: "absent" }],
    ["a hard link to a directory", { name: "h", type: "1", link: "d" }],
    ["the root as a file", { name: "./", type: "2", link: "x" }],
  ])("may not be %s", async (_, part) => {
    await expect(build(layer({ name: "d/", type: "5" }, part))).rejects.toMatchObject({ code: "layer_invalid" });
  });

  it("may not lead through symlinks without end", async () => {
    const bad = layer({ name: "a", type: "2", link: "b" }, { name: "b", type: "2", link: "a" }, { name: "a/x" });
    await expect(build(bad)).rejects.toMatchObject({ code: "layer_invalid", details: { entry: "a/x" } });
  });

  it("has a name that Linux has room for", async () => {
    const name = "n".repeat(256);
    await expect(build(layer(pax({ path: name }), { name: "x" }))).rejects.toMatchObject({ code: "image_too_large" });
    const path = `${"d/".repeat(2050)}x`;
    await expect(build(layer(pax({ path }), { name: "x" }))).rejects.toMatchObject({ code: "image_too_large" });
  });
});
