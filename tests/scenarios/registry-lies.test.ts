/** Registries that describe an image falsely, or describe what no image is: each has its typed error. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { answerAt, failureOf } from "../support/registry-failures.ts";
import {
  type Content,
  content,
  descriptor,
  gzipLayer,
  type ImageParts,
  makeImage,
  makeIndex,
  ociIndex,
  ociManifest,
} from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";
import { RegistryServer, send } from "../support/registry-server.ts";

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

const resolve = () => place.registry.resolve(parseReference(`${server.host}/a:1`));

describe("a manifest", () => {
  it.each([
    ["a web page", content("text/html; charset=utf-8", "<html>Log in to this network</html>"), {}, "type"],
    ["no type", content("", "{}"), {}, "type"],
    ["no JSON", content(ociManifest, "{"), {}, "type"],
    ["no object", content(ociManifest, "[]"), {}, "type"],
    ["another digest", makeImage().manifest, { "docker-content-digest": `sha256:${"0".repeat(64)}` }, "digest"],
    ["both an index and a manifest", content(ociIndex, { schemaVersion: 2, manifests: [], layers: [] }), {}, "type"],
    ["a manifest with manifests", content(ociManifest, { schemaVersion: 2, manifests: [], layers: [] }), {}, "type"],
    ["another type inside", content(ociManifest, { schemaVersion: 2, mediaType: ociIndex }), {}, "type"],
  ] as const)("that is %s is a lie", async (_, document, headers, claim) => {
    server.misbehave = answerAt("/manifests/1", (response) => send(response, 200, document, headers));
    expect(await failureOf(resolve)).toMatchObject({ code: "registry_lied", claim });
  });

  it("that is not what its digest says is a lie", async () => {
    const [asked, sent] = [makeImage(), makeImage()];
    server.misbehave = answerAt(asked.manifest.digest, (response) => send(response, 200, sent.manifest));
    const reference = parseReference(`${server.host}/a@${asked.manifest.digest}`);
    const error = await failureOf(() => place.registry.resolve(reference));
    expect(error).toMatchObject({ code: "registry_lied", claim: "digest" });
  });

  it.each([
    ["digest", (entry: Content) => ({ ...entry, body: Buffer.concat([entry.body.subarray(0, -1), Buffer.from(" ")]) })],
    ["size", (entry: Content) => content(entry.type, Buffer.concat([entry.body, Buffer.from(" ")]))],
    ["type", (entry: Content) => ({ ...entry, type: "application/vnd.docker.distribution.manifest.v2+json" })],
  ] as const)("of another %s than its index says is a lie", async (claim, change) => {
    // Its own word for its type is left out, as OCI permits.
    const { manifest } = makeImage({ manifest: { mediaType: undefined } });
    server.addManifest("a:1", makeIndex([["linux/amd64", manifest]]));
    server.misbehave = answerAt(manifest.digest, (response) => send(response, 200, change(manifest)));
    expect(await failureOf(resolve)).toMatchObject({ code: "registry_lied", claim });
  });

  it("of more than 4 MiB is refused, announced or not, and not read on", async () => {
    for (const headers of [{ "content-length": String(5 * 1_048_576) }, {}]) {
      let sent = 0;
      server.misbehave = answerAt("/manifests/1", (response) => {
        response.writeHead(200, { "content-type": ociManifest, ...headers });
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 32))) sent += 65_536;
          if (sent < 5 * 1_048_576) response.once("drain", more);
        };
        more();
      });
      expect(await failureOf(resolve)).toMatchObject({ code: "image_unsupported" });
    }
  });

  it("in Docker's first format is refused with a word", async () => {
    const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    server.addManifest("a:1", content(type, { schemaVersion: 1, fsLayers: [] }));
    const { code, message } = await failureOf(resolve);
    expect(code).toBe("image_unsupported");
    expect(message).toContain("schema 1");
  });
});

describe("an image", () => {
  const layer = content(gzipLayer, randomBytes(10));
  const diff_ids = [`sha256:${"1".repeat(64)}`];
  const named = descriptor(layer);
  const many = (count: number) => Array.from({ length: count }, () => named);
  it.each<readonly [string, ImageParts, RegExp]>([
    ["without layers", { layers: [] }, /has no layers/],
    ["for another architecture", { config: { architecture: "arm64" } }, /there is linux\/arm64/],
    ["for another system", { config: { os: "windows" } }, /there is windows\/amd64/],
    [
      "with fewer layers than its configuration",
      { sizes: [1, 2], config: { rootfs: { type: "layers", diff_ids } } },
      /2 layers, and its configuration is of 1/,
    ],
    [
      "with a layer from elsewhere",
      { layers: [{ ...layer, type: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" }] },
      /may not have/,
    ],
    ["with a layer of an unknown type", { layers: [{ ...layer, type: "application/x-tar" }] }, /unknown type/],
    [
      "with a layer of more than 16 GiB",
      { manifest: { layers: [{ ...named, size: 17_179_869_185 }] } },
      /17179869185 bytes/,
    ],
    [
      "of more than 64 GiB",
      { manifest: { layers: many(5).map((each) => ({ ...each, size: 17_179_869_184 })) } },
      /layers of .* have/,
    ],
    ["with 501 layers", { manifest: { layers: many(501) } }, /layers/],
    [
      "with a digest that is none",
      { manifest: { layers: [{ ...named, digest: "sha256:../../etc" }] } },
      /sha256 digest/,
    ],
    ["with a size that is none", { manifest: { layers: [{ ...named, size: -1 }] } }, /layers\.0\.size/],
    ["with a variable that no process can have", { config: { config: { Env: ["A=\0"] } } }, /variable/],
    [
      "that is a chart",
      { manifest: { config: { ...named, mediaType: "application/vnd.cncf.helm.config.v1+json" } } },
      /helm/,
    ],
    [
      "with a configuration of more than 8 MiB",
      { manifest: { config: { ...descriptor(makeImage().config), size: 8_388_609 } } },
      /8388609 bytes/,
    ],
  ])("%s is refused", async (_, parts, words) => {
    server.addImage("a:1", makeImage(parts));
    const { code, message } = await failureOf(resolve);
    expect([code, message]).toEqual(["image_unsupported", expect.stringMatching(words)]);
  });

  it("whose configuration is not what its digest says is a lie", async () => {
    const image = makeImage();
    server.addImage("a:1", image);
    const other = Buffer.from(image.config.body.toString().replace("amd64", "amd46"));
    server.blobs.set(image.config.digest, other);
    expect(await failureOf(resolve)).toMatchObject({ code: "registry_lied", claim: "digest" });
    server.blobs.set(image.config.digest, other.subarray(1));
    expect(await failureOf(resolve)).toMatchObject({ code: "registry_lied", claim: "size" });
  });
});

describe("an index", () => {
  it("without this platform lists what there is, statements left out", async () => {
    const { manifest } = makeImage();
    const platforms = ["linux/arm64/v8", "windows/amd64", "unknown/unknown"];
    server.addManifest("a:1", makeIndex(platforms.map((platform) => [platform, manifest] as const)));
    const { message } = await failureOf(resolve);
    expect(message).toContain("there is linux/arm64/v8, windows/amd64");
    expect(message).not.toContain("unknown");
  });

  it("of more than 1,000 entries is refused", async () => {
    const { manifest } = makeImage();
    server.addManifest("a:1", makeIndex(Array.from({ length: 1_001 }, () => ["linux/amd64", manifest] as const)));
    expect(await failureOf(resolve)).toMatchObject({ code: "image_unsupported" });
  });

  it("is followed two deep, and eight of them", async () => {
    const inner = makeIndex([["linux/arm64", makeImage().manifest]]);
    const middle = makeIndex([["", inner]]);
    for (const each of [inner, middle]) server.addManifest("a:", each);
    server.addManifest("a:1", makeIndex([["", middle]]));
    expect((await failureOf(resolve)).message).toContain("below each other");
    server.addManifest("a:1", makeIndex(Array.from({ length: 9 }, () => ["", inner] as const)));
    expect((await failureOf(resolve)).message).toContain("more than 8 indexes");
  });
});
