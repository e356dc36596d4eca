/** Images that we write: one base layer, a second one with the difference, the same digests every time, read by others as the same tree. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tarTree } from "../../src/environments/layers/difference.ts";
import { readImageArchive } from "../../src/environments/layers/image-archive.ts";
import { tarOfImage } from "../../src/environments/layers/image-tar.ts";
import {
  type WrittenLayer,
  writeDifference,
  writeImage,
  writeLayer,
} from "../../src/environments/layers/write-image.ts";
import { namelessFile, type OpenFile } from "../../src/platform/files.ts";
import { statePaths } from "../../src/store/paths.ts";
import { guestsOf, quiet } from "../support/guests.ts";
import { buildQuietly, ImagePlace } from "../support/image-trees.ts";
import { writeFiles } from "../support/oci-layout.ts";
import { patience } from "../support/patience.ts";
import { type TarPart, tarOf } from "../support/tar-maker.ts";

const description = {
  created: "2026-01-01T00:00:00Z",
  env: { PATH: "/usr/bin:/bin", A: "1" },
  cmd: ["/bin/sh"],
  working_dir: "/workspace",
  labels: { "org.opencontainers.image.title": "tests" },
};

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-writing-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

function tarFile(parts: readonly TarPart[]): OpenFile {
  const file = namelessFile(directory);
  file.write(tarOf(parts));
  return file;
}

/** The layers base and difference of two tars. */
async function twoLayers(base: OpenFile, full: OpenFile): Promise<WrittenLayer[]> {
  const trees = await Promise.all([base, full].map((file) => tarTree(file, quiet.signal)));
  const [lower, upper] = trees;
  if (lower === undefined || upper === undefined) throw new Error("two trees are needed");
  const difference = await writeDifference(lower, upper, directory, quiet.signal);
  try {
    const layer = await writeLayer(base, directory, quiet.signal);
    return [layer, await writeLayer(difference, directory, quiet.signal)];
  } finally {
    difference.close();
  }
}

function writeLayout(path: string, layers: readonly WrittenLayer[]): void {
  const { manifest, manifest_digest, config, config_digest } = writeImage(layers, description);
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const annotations = { "org.opencontainers.image.ref.name": "latest" };
  const listed = { mediaType, digest: manifest_digest, size: manifest.length, annotations };
  const blob = (digest: string) => `blobs/${digest.replace(":", "/")}`;
  writeFiles(
    path,
    new Map([
      ["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
      ["index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [listed] }))],
      [blob(manifest_digest), manifest],
      [blob(config_digest), config],
      ...layers.map(({ digest, file }): [string, Buffer] => [blob(digest), file.readAll()]),
    ]),
  );
}

/** The root image of the layers as they lie in a layout. */
async function rootOf(path: string): Promise<string> {
  const image = await readImageArchive(path, { paths: place.paths, signal: quiet.signal });
  try {
    return (await buildQuietly(image.layers, place.paths)).sha256;
  } finally {
    image.close();
  }
}

async function rootOfTar(file: OpenFile): Promise<string> {
  return (await buildQuietly([await tarTree(file, quiet.signal)], place.paths)).sha256;
}

/** What a root image holds; the root's time is sqfstar's own choice. */
function treeOf(sha256: string) {
  return [...place.listImage(sha256).values()].filter(({ path }) => path !== "");
}

const dir = (name: string, mode = 0o755): TarPart => ({ name: `${name}/`, type: "5", mode, mtime: 5 });
const base: readonly TarPart[] = [
  dir("a", 0o711),
  { name: "a/same", content: "same", mtime: 1 },
  { name: "a/changed", content: "before", mtime: 1 },
  { name: "a/touched", content: "same", mtime: 1 },
  { name: "a/one", content: "linked", mtime: 1 },
  { name: "a/two", type: "1", link: "a/one" },
  { name: "gone", content: "gone", mtime: 1 },
  dir("gone-too"),
  { name: "gone-too/inner", content: "inner", mtime: 1 },
  dir("turns"),
  { name: "turns/inner", content: "inner", mtime: 1 },
  { name: "grows", content: "file", mtime: 1 },
];
const full: readonly TarPart[] = [
  dir("a", 0o711),
  { name: "a/same", content: "same", mtime: 1 },
  { name: "a/changed", content: "after!", mtime: 1 },
  { name: "a/touched", content: "same", mtime: 2 },
  { name: "a/one", content: "linked", mtime: 1 },
  { name: "a/two", type: "1", link: "a/one" },
  { name: "a/three", type: "1", link: "a/one" },
  { name: "turns", content: "file", mtime: 1 },
  dir("grows"),
  { name: "grows/inner", content: "inner", mtime: 1 },
];

describe("an image that we write", () => {
  it("in two layers is the tree that it was made of", async () => {
    const [lower, upper] = [tarFile(base), tarFile(full)];
    const layers = await twoLayers(lower, upper);
    const path = join(directory, "two");
    writeLayout(path, layers);
    expect(treeOf(await rootOf(path))).toEqual(treeOf(await rootOfTar(upper)));
    for (const file of [lower, upper, ...layers.map((layer) => layer.file)]) file.close();
  });

  it("has the same digests every time, and nothing in its second layer where nothing differs", async () => {
    const [lower, upper, same] = [tarFile(base), tarFile(full), tarFile(base)];
    const [first, second] = [await twoLayers(lower, upper), await twoLayers(lower, upper)];
    expect(writeImage(first, description)).toEqual(writeImage(second, description));
    const [, empty] = await twoLayers(lower, same);
    expect(empty?.size_bytes).toBeLessThan(100);
    expect(() => writeImage([], description)).toThrow("no layers");
    for (const file of [lower, upper, same, ...[...first, ...second].map((layer) => layer.file)]) file.close();
  });

  it.skipIf(!existsSync("/usr/bin/skopeo"))(
    "of Debian has the base in common, and skopeo takes it",
    async () => {
      const guests = guestsOf(statePaths());
      const tars: OpenFile[] = [];
      for (const name of ["debian:12-base", "debian:12"]) {
        const image = await guests.environments.openImage(await guests.environments.ensure(name, quiet), quiet.signal);
        tars.push(await tarOfImage(image, place.paths, quiet.signal));
        image.close();
      }
      const [lower, upper] = tars;
      if (lower === undefined || upper === undefined) throw new Error("two environments are needed");
      const layers = await twoLayers(lower, upper);
      const path = join(directory, "debian");
      writeLayout(path, layers);
      expect(treeOf(await rootOf(path))).toEqual(treeOf(await rootOfTar(upper)));
      const copied = spawnSync("/usr/bin/skopeo", [
        "copy",
        "-q",
        `oci:${path}:latest`,
        `dir:${join(directory, "copied")}`,
      ]);
      expect(copied.stderr.toString()).toBe("");
      for (const file of [lower, upper, ...layers.map((layer) => layer.file)]) file.close();
    },
    300_000 * patience,
  );
});
