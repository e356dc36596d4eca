/** Images from a registry that keeps to the protocol: found, fetched once, shared, gone on with. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openBlob } from "../../src/environments/registry/blobs.ts";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { blobPaths } from "../../src/store/blob-paths.ts";
import { content, dockerIndex, dockerManifest, gzipLayer, makeImage, makeIndex } from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";
import { RegistryServer } from "../support/registry-server.ts";

let server: RegistryServer;
let place: RegistryPlace;
beforeEach(async () => {
  server = await RegistryServer.start();
  place = new RegistryPlace();
});
afterEach(async () => {
  place.remove();
  await server.stop();
});

const hex = (digest: string) => digest.replace("sha256:", "");

describe("resolving", () => {
  it("finds the image for this platform behind an index, and says all of it", async () => {
    const [ours, other, statement] = [makeImage({ sizes: [10, 20] }), makeImage(), makeImage()];
    server.addImage("a/b:", ours);
    const index = makeIndex([
      ["linux/arm64/v8", other.manifest],
      ["unknown/unknown", statement.manifest],
      ["linux/amd64/v3", other.manifest],
      ["linux/amd64", ours.manifest],
    ]);
    server.addManifest("a/b:1", index);
    const image = await place.registry.resolve(parseReference(`${server.host}/a/b:1`));
    expect(image).toMatchObject({
      reference: `${server.host}/a/b:1`,
      digest: ours.manifest.digest,
      index_digest: index.digest,
      config_digest: ours.config.digest,
      served_by: `http://${server.host}`,
    });
    expect(image.layers.map(({ digest, size_bytes }) => [digest, size_bytes])).toEqual(
      ours.layers.map(({ digest, body }) => [digest, body.length]),
    );
    expect(image.layers.map(({ compression }) => compression)).toEqual(["gzip", "gzip"]);
  });

  it("reads Docker's types, all compressions, and the configuration", async () => {
    const types = ["", ".gzip", ".zstd"].map((ending) => `application/vnd.docker.image.rootfs.diff.tar${ending}`);
    const layers = types.map((type) => content(type, randomBytes(20)));
    const config = {
      created: "2026-01-01T00:00:00Z",
      config: {
        Env: ["PATH=/bin", "A=1=2", "A=3\n4", "EMPTY", "__proto__=x"],
        User: "app",
        WorkingDir: "/srv",
        Entrypoint: ["/run"],
        Cmd: null,
        Labels: { a: "b" },
        ExposedPorts: { "80/tcp": {} },
      },
    };
    const image = makeImage({ layers, config, manifest_type: dockerManifest });
    server.addImage("a:", image);
    server.addManifest("a:1", makeIndex([["linux/amd64", image.manifest]], dockerIndex));
    const found = await place.registry.resolve(parseReference(`${server.host}/a:1`));
    expect(found.layers.map(({ compression }) => compression)).toEqual(["none", "gzip", "zstd"]);
    expect(Object.entries(found.config.env)).toEqual([
      ["PATH", "/bin"],
      ["A", "3\n4"],
      ["EMPTY", ""],
      ["__proto__", "x"],
    ]);
    expect(found.config).toMatchObject({
      user: "app",
      working_dir: "/srv",
      entrypoint: ["/run"],
      cmd: [],
      labels: { a: "b" },
      exposed_ports: ["80/tcp"],
      created: "2026-01-01T00:00:00Z",
    });
  });

  it("takes a digest, and an index in an index", async () => {
    const image = makeImage();
    server.addImage("a:", image);
    const inner = makeIndex([["linux/amd64", image.manifest]]);
    server.addManifest("a:", inner);
    server.addManifest("a:2", makeIndex([["", inner]]));
    const byDigest = await place.registry.resolve(parseReference(`${server.host}/a@${image.manifest.digest}`));
    expect([byDigest.digest, byDigest.index_digest]).toEqual([image.manifest.digest, null]);
    const nested = await place.registry.resolve(parseReference(`${server.host}/a:2`));
    expect(nested.digest).toBe(image.manifest.digest);
  });
});

describe("fetching", () => {
  it("puts every layer into the cache, whole and under its digest, and nothing a second time", async () => {
    const image = makeImage({ sizes: [100_000, 3, 200_000, 5, 7, 9] });
    server.addImage("a:1", image);
    const bytes = image.layers.reduce((sum, { body }) => sum + body.length, 0);
    expect(await place.pull(`${server.host}/a:1`)).toEqual({ fetched_bytes: bytes, present: 0, total: 6 });
    expect(place.blobs()).toEqual(image.layers.map(({ digest }) => hex(digest)).sort());
    for (const { digest, body } of image.layers) {
      const file = await openBlob(digest, place.paths);
      expect(file?.readAll().equals(body)).toBe(true);
      file?.close();
    }
    expect(await place.pull(`${server.host}/a:1`)).toEqual({ fetched_bytes: 0, present: 6, total: 6 });
    expect(server.sent_bytes).toBe(bytes + 2 * image.config.body.length);
  });

  it("moves only what another image did not bring", async () => {
    const first = makeImage({ sizes: Array.from({ length: 9 }, (_, at) => 1_000 + at) });
    const tenth = content(gzipLayer, randomBytes(500));
    server.addImage("a:1", first);
    server.addImage("b:1", makeImage({ layers: [...first.layers, tenth] }));
    await place.pull(`${server.host}/a:1`);
    expect(await place.pull(`${server.host}/b:1`)).toEqual({ fetched_bytes: 500, present: 9, total: 10 });
  });

  it("fetches a layer that is there twice once", async () => {
    const layer = content(gzipLayer, randomBytes(500));
    server.addImage("a:1", makeImage({ layers: [layer, layer, layer] }));
    expect(await place.pull(`${server.host}/a:1`)).toEqual({ fetched_bytes: 500, present: 0, total: 1 });
  });

  it("fetches at most four at a time", async () => {
    server.addImage("a:1", makeImage({ sizes: Array.from({ length: 12 }, () => 1_000) }));
    let [open, most] = [0, 0];
    server.misbehave = async ({ path }) => {
      if (!path.includes("/blobs/")) return false;
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setTimeout(resolve, 20));
      open -= 1;
      return false;
    };
    await place.pull(`${server.host}/a:1`);
    expect(most).toBe(4);
  });

  it("tells bytes, layers and rate, and ends with all of them", async () => {
    server.addImage("a:1", makeImage({ sizes: [3_000_000, 100] }));
    await place.pull(`${server.host}/a:1`);
    const told = place.events.filter((event) => event.type === "progress" && event.stage === "downloading");
    const last = told.at(-1);
    expect(last).toMatchObject({ unit: "bytes", layers_done: 2, layers_total: 2 });
    expect(last).toMatchObject({ done: last?.type === "progress" ? last.total : undefined, seconds_left: 0 });
  });

  it("repairs a blob that was damaged in the cache", async () => {
    const image = makeImage({ sizes: [10_000] });
    const [layer] = image.layers;
    server.addImage("a:1", image);
    await place.pull(`${server.host}/a:1`);
    const { whole } = blobPaths(place.paths, hex(layer?.digest ?? ""));
    truncateSync(whole, 5_000);
    expect(await openBlob(layer?.digest ?? "", place.paths)).toBeUndefined();
    expect(await place.pull(`${server.host}/a:1`)).toMatchObject({ present: 0 });
    expect(readFileSync(whole).equals(layer?.body ?? Buffer.alloc(0))).toBe(true);
  });
});

describe("going on", () => {
  const size = 1_000_000;
  const image = makeImage({ layers: [content(gzipLayer, randomBytes(size))] });
  const [layer] = image.layers;
  const body = layer?.body ?? Buffer.alloc(0);
  const { digest } = layer ?? { digest: "" };

  /** Puts what a former download left, and counts what comes now. */
  async function goOn(left: Buffer): Promise<number> {
    server.addImage("a:1", image);
    writeFileSync(blobPaths(place.paths, hex(digest)).partial, left);
    const { fetched_bytes } = await place.pull(`${server.host}/a:1`);
    const file = await openBlob(digest, place.paths);
    expect(
      createHash("sha256")
        .update(file?.readAll() ?? "")
        .digest("hex"),
    ).toBe(hex(digest));
    file?.close();
    expect(place.blobs()).toEqual([hex(digest)]);
    return fetched_bytes;
  }

  it("fetches the rest alone", async () => {
    expect(await goOn(body.subarray(0, 600_000))).toBe(400_000);
    expect(server.sent_bytes).toBe(400_000 + image.config.body.length);
  });

  it("fetches nothing where only the name is missing", async () => {
    expect(await goOn(body)).toBe(0);
  });

  it("begins anew where what is there is something else, or too much", async () => {
    expect(await goOn(Buffer.alloc(600_000))).toBe(size + 400_000);
    place.remove();
    place = new RegistryPlace();
    expect(await goOn(Buffer.alloc(size + 1))).toBe(size);
  });

  it("begins anew where the server sends all of it", async () => {
    server.misbehave = ({ headers }) => {
      delete headers.range;
      return false;
    };
    expect(await goOn(body.subarray(0, 600_000))).toBe(size);
  });

  it("keeps what came when it is cancelled", async () => {
    server.addImage("a:1", image);
    const cancelled = new AbortController();
    server.misbehave = ({ path }, response) => {
      if (!path.endsWith(digest)) return false;
      response.writeHead(200, { "content-length": String(size) });
      response.write(body.subarray(0, 500_000));
      return true;
    };
    const { partial } = blobPaths(place.paths, hex(digest));
    const pull = place.pull(`${server.host}/a:1`, cancelled.signal);
    const ended = expect(pull).rejects.toMatchObject({ code: "cancelled" });
    await expect.poll(() => readFileSync(partial).length, { timeout: 20_000 }).toBe(500_000);
    cancelled.abort();
    await ended;
    server.misbehave = () => false;
    expect((await place.pull(`${server.host}/a:1`)).fetched_bytes).toBe(size - 500_000);
  });

  it("lets one of two that want the same fetch it", async () => {
    server.addImage("a:1", image);
    const pulls = [place.pull(`${server.host}/a:1`), place.pull(`${server.host}/a:1`)];
    const fetched = (await Promise.all(pulls)).map(({ fetched_bytes }) => fetched_bytes);
    expect(fetched.sort((one, other) => one - other)).toEqual([0, size]);
  });
});
