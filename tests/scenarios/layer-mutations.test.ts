/** Layers that were changed at random, by a seed: they give an image or a typed error, in time, and what we write of them is whole. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PyroError } from "../../src/contract/errors.ts";
import { Budget } from "../../src/environments/layers/budget.ts";
import type { LayerEntry } from "../../src/environments/layers/inode.ts";
import type { LayerFile } from "../../src/environments/layers/layer-bytes.ts";
import { type LayerLimits, layerLimits } from "../../src/environments/layers/limits.ts";
import { mergeLayers } from "../../src/environments/layers/merge.ts";
import { planTree } from "../../src/environments/layers/plan.ts";
import { TarOutput } from "../../src/environments/layers/tar-output.ts";
import { TarScanner } from "../../src/environments/layers/tar-scan.ts";
import { writeTree } from "../../src/environments/layers/write-tree.ts";
import { namelessFile } from "../../src/platform/files.ts";
import { ImagePlace } from "../support/image-trees.ts";
import { manyLayers, oldSparse } from "../support/many-layers.ts";
import { layerOf, type MadeLayer } from "../support/oci-layout.ts";
import { seeded } from "../support/random-tree.ts";

const ROUNDS = 300;
const IMAGES = 12;
const BLOCK = 512;
const limits: LayerLimits = { ...layerLimits, total_bytes: 64 * 1_048_576 };

let directory: string;
let place: ImagePlace;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pyro-mutations-"));
  place = new ImagePlace(directory);
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Changes bytes and mostly keeps checksums right; now and then cuts, doubles or takes out blocks. */
function mutated(tar: Buffer, random: (below: number) => number): Buffer {
  let copy = Buffer.from(tar);
  for (let change = random(2); change >= 0; change -= 1) {
    const at = random(Math.floor(copy.length / BLOCK)) * BLOCK;
    const kind = random(20);
    if (kind === 0) copy = copy.subarray(0, random(copy.length));
    else if (kind === 1) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at, at + BLOCK), copy.subarray(at)]);
    else if (kind === 2) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + BLOCK)]);
    else changeByte(copy, at, random);
    if (copy.length < BLOCK) return copy;
  }
  return copy;
}

/** Names and targets, types and numbers, or any byte of a block. */
function changeByte(tar: Buffer, at: number, random: (below: number) => number): void {
  const isHeader = tar.toString("latin1", at + 257, at + 262) === "ustar";
  const [place, byte] = [
    () => [random(30), 0x2d + random(50)],
    () => [157 + random(20), 0x2d + random(50)],
    () => [156, 0x30 + random(8)],
    () => [100 + random(48), 0x30 + random(8)],
    () => [random(BLOCK), random(256)],
  ][random(isHeader ? 5 : 1) % 5]?.() ?? [0, 0];
  tar[at + (place ?? 0)] = byte ?? 0;
  if (isHeader && random(10) > 0) fixChecksum(tar, at);
}

function fixChecksum(tar: Buffer, at: number): void {
  tar.fill(" ", at + 148, at + 156);
  const sum = tar.subarray(at, at + BLOCK).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
}

const sound = manyLayers()
  .map(({ tar }) => tar)
  .filter((tar) => tar.length < 1_000_000)
  .concat(Buffer.concat([oldSparse("sparse"), Buffer.alloc(1024)]));

/** All layers, one of them changed, or two. */
function mutatedLayers(seed: number): MadeLayer[] {
  const random = seeded(seed);
  const chosen = random(sound.length);
  return sound.map((tar, at) => layerOf(at === chosen || random(20) === 0 ? mutated(tar, random) : tar, "none"));
}

/** The tar that we make of layers, taken apart again. */
async function rewritten(layers: readonly MadeLayer[]): Promise<{ planned: number; entries: LayerEntry[] }> {
  const signal = new AbortController().signal;
  const files = layers.map((layer): LayerFile => {
    const file = namelessFile(directory);
    file.write(layer.blob);
    return { ...layer, file, size_bytes: layer.blob.length };
  });
  try {
    const tree = await mergeLayers(files, { signal, limits });
    const plan = planTree(tree, limits);
    const entries: LayerEntry[] = [];
    const scanner = new TarScanner(0, new Budget(limits), (entry) => void entries.push(entry));
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        scanner.feed(chunk);
        done();
      },
    });
    await writeTree(plan, files, new TarOutput(sink), { limits, signal });
    scanner.end();
    return { planned: plan.entry_count - 1, entries };
  } finally {
    for (const { file } of files) file.close();
  }
}

describe("layers that were changed at random", () => {
  it("give a tar of ours that is whole, or a typed error", async () => {
    let refused = 0;
    for (let seed = 1; seed <= ROUNDS; seed += 1) {
      const began = performance.now();
      try {
        const { planned, entries } = await rewritten(mutatedLayers(seed));
        expect(entries.length, `seed ${seed}`).toBe(planned);
        expect(new Set(entries.map(({ name }) => name.replace(/\/$/, ""))).size, `seed ${seed}`).toBe(planned);
      } catch (thrown) {
        if (!(thrown instanceof PyroError)) throw new Error(`seed ${seed}`, { cause: thrown });
        expect(["layer_invalid", "layer_truncated", "image_too_large", "path_escape"]).toContain(thrown.code);
        refused += 1;
      }
      expect(performance.now() - began, `seed ${seed}`).toBeLessThan(10_000);
    }
    expect(refused).toBeGreaterThan(ROUNDS / 10);
    expect(refused).toBeLessThan(ROUNDS * 0.95);
    expect(process.memoryUsage().rss).toBeLessThan(1024 * 1_048_576);
  });

  it("are taken by sqfstar where they are taken by us", async () => {
    let built = 0;
    for (let seed = ROUNDS + 1; built < IMAGES && seed < 2 * ROUNDS; seed += 1) {
      const result = await place.build(mutatedLayers(seed), { limits }).catch((thrown: unknown) => thrown);
      if (result instanceof Error)
        expect(result, `seed ${seed}`).toMatchObject({ details: { layer: expect.any(String) } });
      else built += 1;
    }
    expect(built).toBe(IMAGES);
  });
});
