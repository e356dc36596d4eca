/** Layers that are refused: damaged, lying, too large or cancelled. Nothing is published then, and nothing is left. */
import { mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OperationEvent } from "../../src/contract/progress.ts";
import { buildFromLayers } from "../../src/environments/layers/build-image.ts";
import { layerLimits } from "../../src/environments/layers/limits.ts";
import { listDirectory, OpenFile } from "../../src/platform/files.ts";
import { ImagePlace } from "../support/image-trees.ts";
import { digestOf, layerOf, type MadeLayer } from "../support/oci-layout.ts";
import { pax, type TarPart, tarOf } from "../support/tar-maker.ts";

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-refused-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

const layer = (...parts: TarPart[]): MadeLayer => layerOf(tarOf(parts));
const build = (...layers: MadeLayer[]) => place.build(layers);
describe("layers are refused, and nothing is published", () => {
  const good = layer({ name: "a", content: "x".repeat(100_000) });
  const images = () => listDirectory(place.paths.images).length;

  it.each<[string, MadeLayer, string]>([
    ["that are not what the image says", { ...good, diff_id: digestOf(Buffer.from("other")) }, "layer_mismatch"],
    ["that are cut", { ...good, blob: good.blob.subarray(0, -20) }, "layer_truncated"],
    [
      "with bytes behind the gzip stream",
      { ...good, blob: Buffer.concat([good.blob, Buffer.from("more than a header")]) },
      "layer_invalid",
    ],
    [
      "with zeros and more behind the gzip stream",
      { ...good, blob: Buffer.concat([good.blob, Buffer.alloc(9), Buffer.from("x")]) },
      "layer_invalid",
    ],
    ["with a damaged gzip stream", { ...good, blob: flipped(good.blob, 60) }, "layer_invalid"],
    ["that are no gzip stream", { ...good, blob: good.tar }, "layer_invalid"],
    ["that are no zstd stream", { ...good, compression: "zstd" }, "layer_invalid"],
    ["with a cut zstd stream", cut(layerOf(good.tar, "zstd")), "layer_truncated"],
    ["with a tar that is cut", layerOf(good.tar.subarray(0, 2000)), "layer_truncated"],
  ])("%s", async (_, bad, code) => {
    const before = images();
    await expect(build(layer({ name: "base" }), bad)).rejects.toMatchObject({ code, details: { layer: bad.digest } });
    expect(images()).toBe(before);
  });

  it("that do not exist", async () => {
    await expect(build()).rejects.toMatchObject({ code: "image_empty" });
  });

  it("that are too many", async () => {
    const layers = Array.from({ length: 501 }, () => good);
    await expect(build(...layers)).rejects.toMatchObject({ code: "image_too_large" });
  });

  it("that become too large when they are uncompressed", async () => {
    const tar = tarOf([{ name: "bomb", content: Buffer.alloc(90_000_000) }]);
    const bomb = { ...layerOf(tar, "none"), compression: "gzip" as const, blob: gzipSync(tar, { level: 9 }) };
    const began = performance.now();
    await expect(build(bomb)).rejects.toMatchObject({ code: "image_too_large" });
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it.each([
    ["bytes", { total_bytes: 150_000 }],
    ["entries", { entries: 3 }],
    ["steps", { steps: 3 }],
  ])("that have too many %s together", async (_, lower) => {
    const layers = [good, layer({ name: "b/c/d/e", content: "y".repeat(100_000) }, { name: "f" })];
    const limits = { ...layerLimits, ...lower };
    await expect(place.build(layers, { limits })).rejects.toMatchObject({ code: "image_too_large" });
  });

  it("whose holes are too large", async () => {
    const told = pax({ "GNU.sparse.size": String(2 ** 40), "GNU.sparse.map": "0,0" });
    await expect(build(layer(told, { name: "hole" }))).rejects.toMatchObject({ code: "image_too_large" });
  });

  it("that change while they are read", async () => {
    const before = images();
    const changing = good.blob;
    const path = join(directory, "changing");
    writeFileSync(path, changing);
    const file = new OpenFile(openSync(path, "r"), path);
    const { digest, diff_id, compression } = good;
    const emit = (event: OperationEvent) => {
      if (event.type === "progress" && event.stage === "compressing") writeFileSync(path, changing);
    };
    const layers = [{ file, digest, diff_id, compression, size_bytes: changing.length }];
    const building = buildFromLayers(layers, place.paths, { signal: new AbortController().signal, emit });
    await expect(building).rejects.toMatchObject({ code: "layer_mismatch" });
    file.close();
    expect(images()).toBe(before);
  });

  it("when the caller cancels, and no process is left", async () => {
    const before = images();
    const controller = new AbortController();
    const building = place.build([good, layerOf(tarOf([{ name: "big", content: Buffer.alloc(40_000_000, "abc") }]))], {
      signal: controller.signal,
      onProgress: (stage) => {
        if (stage === "compressing") controller.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ code: "cancelled" });
    expect(images()).toBe(before);
    expect(readdirSync(place.paths.building)).toEqual([]);
  });
});

function flipped(blob: Buffer, at: number): Buffer {
  const copy = Buffer.from(blob);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

function cut(made: MadeLayer): MadeLayer {
  return { ...made, blob: made.blob.subarray(0, -5) };
}
