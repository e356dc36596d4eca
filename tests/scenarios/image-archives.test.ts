/** Images in files: OCI layouts and docker save archives are read in place, and what does not fit together is refused. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readImageArchive } from "../../src/environments/layers/image-archive.ts";
import { buildQuietly, ImagePlace } from "../support/image-trees.ts";
import { configOf, digestOf, layerOf, layoutFiles, writeFiles } from "../support/oci-layout.ts";
import { type TarPart, tarOf } from "../support/tar-maker.ts";

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-archives-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

const layers = [
  layerOf(tarOf([{ name: "low", content: "low" }])),
  layerOf(tarOf([{ name: "high", content: "high" }]), "none"),
];
const signal = new AbortController().signal;
let count = 0;

/** Writes the files as an archive of a kind, and gives its path. */
function archiveOf(files: ReadonlyMap<string, Buffer>, kind: "directory" | "tar" | "tar.gz" = "tar"): string {
  count += 1;
  const path = join(directory, `archive-${count}`);
  const tar = () => tarOf([...files].map(([name, content]) => ({ name, content })));
  if (kind === "directory") writeFiles(path, files);
  else writeFileSync(path, kind === "tar" ? tar() : gzipSync(tar()));
  return path;
}

const read = (path: string, name?: string) =>
  readImageArchive(path, { paths: place.paths, signal, ...(name !== undefined && { name }) });

async function paths(path: string, name?: string): Promise<string[]> {
  const image = await read(path, name);
  try {
    const { sha256 } = await buildQuietly(image.layers, place.paths);
    return [...place.listImage(sha256).keys()].filter((each) => ["low", "high"].includes(each));
  } finally {
    image.close();
  }
}

const both = ["high", "low"];
const openDescriptors = () => readdirSync("/proc/self/fd").length;

/** An archive as docker save wrote it before it was a layout too. */
function dockerSave(change: (list: Record<string, unknown>) => Record<string, unknown> = (list) => list): TarPart[] {
  const config = configOf(layers, {});
  const id = digestOf(config).slice("sha256:".length);
  const entry = { Config: `${id}.json`, RepoTags: ["name:tag"], Layers: ["one/layer.tar", "two/layer.tar"] };
  return [
    { name: "one/layer.tar", content: layers[0]?.tar ?? "" },
    { name: "real/layer.tar", content: layers[1]?.tar ?? "" },
    { name: "two/layer.tar", type: "2", link: "../real/layer.tar" },
    { name: `${id}.json`, content: config },
    { name: "manifest.json", content: JSON.stringify([change(entry)]) },
  ];
}

function saved(parts: readonly TarPart[]): string {
  count += 1;
  const path = join(directory, `archive-${count}`);
  writeFileSync(path, tarOf(parts));
  return path;
}

describe("an image in a file", () => {
  it.each(["directory", "tar", "tar.gz"] as const)("that is an OCI layout as a %s", async (kind) => {
    expect(await paths(archiveOf(layoutFiles(layers), kind))).toEqual(both);
  });

  it("that is an archive of docker save, whose layers may be symlinks", async () => {
    expect(await paths(saved(dockerSave()))).toEqual(both);
    expect(await paths(saved(dockerSave()), "name:tag")).toEqual(both);
  });

  it("that ends with its last file's content is whole, and is refused when a byte of that is missing", async () => {
    const path = archiveOf(layoutFiles([layerOf(tarOf([{ name: "low", content: "x".repeat(200_000) }]), "none")]));
    const bytes = readFileSync(path);
    const files = [...layoutFiles(layers)];
    const last = files.at(-1)?.[1].length ?? 0;
    const whole = tarOf(
      files.map(([name, content]) => ({ name, content })),
      Buffer.alloc(0),
    );
    const end = whole.length - ((512 - (last % 512)) % 512);
    writeFileSync(path, whole.subarray(0, end));
    expect(await paths(path)).toEqual(both);
    writeFileSync(path, whole.subarray(0, end - 1));
    await expect(read(path)).rejects.toMatchObject({ code: "image_archive_invalid" });
    // Content that is passed over, as it is longer than what is read at once.
    writeFileSync(path, bytes.subarray(0, 100_000));
    await expect(read(path)).rejects.toMatchObject({ code: "image_archive_invalid" });
  });

  it("says its digests and gives its configuration", async () => {
    const files = layoutFiles(layers, { config: { Env: ["A=1"] } });
    const image = await read(archiveOf(files));
    expect(files.has(`blobs/sha256/${image.digest.slice(7)}`)).toBe(true);
    expect(digestOf(image.config)).toBe(image.config_digest);
    expect(JSON.parse(image.config.toString())).toMatchObject({ config: { Env: ["A=1"] } });
    image.close();
  });

  it("that has several is read by name", async () => {
    const two = new Map([...layoutFiles(layers, { name: "one" }), ...layoutFiles(layers.slice(0, 1), { name: "two" })]);
    const listed = [layoutFiles(layers, { name: "one" }), layoutFiles(layers.slice(0, 1), { name: "two" })].flatMap(
      (files) => JSON.parse(files.get("index.json")?.toString() ?? "{}").manifests,
    );
    two.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: listed })));
    await expect(read(archiveOf(two))).rejects.toMatchObject({ code: "image_archive_unsuitable" });
    expect(await paths(archiveOf(two), "two")).toEqual(["low"]);
  });
});

/** A layout with one of its files changed. */
function changed(which: RegExp, change: (bytes: Buffer) => Buffer | undefined): Map<string, Buffer> {
  const files = layoutFiles(layers);
  for (const [path, bytes] of files) {
    const isIt = which.test(path) || which.test(bytes.toString("latin1").slice(0, 60));
    const other = isIt ? change(bytes) : bytes;
    if (other === undefined) files.delete(path);
    else files.set(path, other);
  }
  return files;
}

const index = (content: unknown) => changed(/index\.json$/, () => Buffer.from(JSON.stringify(content)));
const same = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from(" ")]);

function cutGzip(): string {
  const path = archiveOf(new Map());
  writeFileSync(path, gzipSync(Buffer.alloc(4096)).subarray(0, 20));
  return path;
}

describe("a file is refused", () => {
  it.each<[string, () => string, string]>([
    ["that does not exist", () => join(directory, "absent"), "image_archive_not_found"],
    ["that is no file", () => "/dev/null", "image_archive_invalid"],
    ["that is a cut gzip stream", () => cutGzip(), "image_archive_invalid"],
    ["that holds something else", () => archiveOf(new Map([["a", Buffer.from("b")]])), "image_archive_invalid"],
    ["that is no tar", () => saved([{ name: "x", checksum: "rubbish" }]), "image_archive_invalid"],
    [
      "whose index is no JSON",
      () => archiveOf(changed(/index\.json$/, () => Buffer.from("{"))),
      "image_archive_invalid",
    ],
    ["without a manifest", () => archiveOf(index({ schemaVersion: 2, manifests: [] })), "image_archive_unsuitable"],
    [
      "whose index is a manifest too",
      () => archiveOf(index({ schemaVersion: 2, manifests: [], layers: [] })),
      "image_archive_invalid",
    ],
    [
      "for another machine",
      () => archiveOf(layoutFiles(layers, { architecture: "arm64" })),
      "image_archive_unsuitable",
    ],
    ["whose manifest was changed", () => archiveOf(changed(/^\{"schemaVersion":2,"mediaType/, same)), "layer_mismatch"],
    ["whose configuration was changed", () => archiveOf(changed(/^\{"architecture/, same)), "layer_mismatch"],
    [
      "whose layer was changed",
      () => archiveOf(changed(/^high/, (bytes) => Buffer.concat([same(bytes)]))),
      "layer_mismatch",
    ],
    ["whose layer is cut", () => archiveOf(changed(/^high/, (bytes) => bytes.subarray(0, 512))), "layer_mismatch"],
    ["whose layer is not there", () => archiveOf(changed(/^high/, () => undefined)), "image_archive_invalid"],
    ["with no layers", () => archiveOf(layoutFiles([])), "image_empty"],
    [
      "of docker save that leads out of itself",
      () => saved(dockerSave((list) => ({ ...list, Layers: ["../../etc/passwd", "two/layer.tar"] }))),
      "image_archive_invalid",
    ],
    [
      "of docker save with fewer layers than its configuration",
      () => saved(dockerSave((list) => ({ ...list, Layers: ["one/layer.tar"] }))),
      "image_archive_invalid",
    ],
    [
      "of docker save whose configuration has another name",
      () =>
        saved([
          ...dockerSave((list) => ({ ...list, Config: `${"0".repeat(64)}.json` })),
          { name: `${"0".repeat(64)}.json`, content: configOf(layers, {}) },
        ]),
      "layer_mismatch",
    ],
  ])("%s", async (_, make, code) => {
    const path = make();
    const before = openDescriptors();
    await expect(read(path)).rejects.toMatchObject({ code });
    expect(openDescriptors()).toBe(before);
  });

  it("whose blob is a symlink out of the layout", async () => {
    const path = archiveOf(layoutFiles(layers), "directory");
    const blob = join(path, "blobs", "sha256", layers[0]?.digest.slice(7) ?? "");
    const outside = join(directory, "outside");
    writeFileSync(outside, layers[0]?.blob ?? "");
    rmSync(blob);
    symlinkSync(outside, blob);
    await expect(read(path)).rejects.toMatchObject({ code: "image_archive_invalid" });
  });

  it("with indexes in indexes without end", async () => {
    const files = layoutFiles(layers);
    let inner = files.get("index.json") ?? Buffer.alloc(0);
    for (let depth = 0; depth < 4; depth += 1) {
      files.set(`blobs/sha256/${digestOf(inner).slice(7)}`, inner);
      const mediaType = "application/vnd.oci.image.index.v1+json";
      const listed = { mediaType, digest: digestOf(inner), size: inner.length };
      inner = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [listed] }));
    }
    files.set("index.json", inner);
    await expect(read(archiveOf(files))).rejects.toMatchObject({ code: "image_archive_invalid" });
  });
});
