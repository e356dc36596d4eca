/** Images written to a registry: only what it does not have, under its own digests, and to nobody else. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseReference } from "../../src/environments/registry/reference.ts";
import { namelessFile, type OpenFile } from "../../src/platform/files.ts";
import { type Content, content, gzipLayer, makeImage, ociManifest } from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";
import { fail, RegistryServer, send } from "../support/registry-server.ts";

let server: RegistryServer;
let place: RegistryPlace;
const files: OpenFile[] = [];
beforeEach(async () => {
  server = await RegistryServer.start();
  place = new RegistryPlace();
});
afterEach(async () => {
  for (const file of files.splice(0)) file.close();
  place.remove();
  await server.stop();
});

const target = (repository = "new") => parseReference(`${server.host}/${repository}:1`);
const layer = content(gzipLayer, randomBytes(3_000_000));

function fileOf({ digest, body }: Content): { digest: string; size_bytes: number; file: OpenFile } {
  const file = namelessFile(place.directory);
  file.write(body);
  files.push(file);
  return { digest, size_bytes: body.length, file };
}

describe("pushing", () => {
  it("writes blobs and the manifest, which can be pulled", async () => {
    server.login = { kind: "token" };
    const image = makeImage({ layers: [layer] });
    for (const blob of [layer, image.config])
      expect(await place.registry.pushBlob(fileOf(blob), target())).toBe("uploaded");
    expect(await place.registry.pushManifest(image.manifest.body, ociManifest, target())).toBe(image.manifest.digest);
    expect(await place.pull(`${server.host}/new:1`)).toMatchObject({ fetched_bytes: layer.body.length });
    const scopes = server.paths("GET").filter((path) => path.startsWith("/token"));
    expect(scopes).toEqual(
      ["pull,push", "pull"].map((what) => `/token?service=fake&scope=${encodeURIComponent(`repository:new:${what}`)}`),
    );
  });

  it("sends nothing that is there, or that another repository has", async () => {
    server.addBlob(layer);
    expect(await place.registry.pushBlob(fileOf(layer), target())).toBe("present");
    server.misbehave = ({ method }, response) => method === "HEAD" && fail(response, 404, "X") !== undefined;
    expect(await place.registry.pushBlob({ ...fileOf(layer), mount_from: "old" }, target())).toBe("mounted");
    expect(server.paths("PUT")).toEqual([]);
    server.blobs.clear();
    expect(await place.registry.pushBlob({ ...fileOf(layer), mount_from: "old" }, target())).toBe("uploaded");
  });

  it("sends a blob again that broke off", async () => {
    let times = 0;
    server.misbehave = ({ method }, response) => {
      if (method !== "PUT" || times++ > 0) return false;
      response.destroy();
      return true;
    };
    expect(await place.registry.pushBlob(fileOf(layer), target())).toBe("uploaded");
    expect(server.blobs.get(layer.digest)?.equals(layer.body)).toBe(true);
  });

  it("is told why the registry will not have it", async () => {
    server.misbehave = ({ method }, response) => method === "POST" && fail(response, 403, "DENIED") !== undefined;
    await expect(place.registry.pushBlob(fileOf(layer), target())).rejects.toMatchObject({
      code: "registry_unauthorized",
    });
    server.misbehave = ({ method }, response) =>
      method === "PUT" && fail(response, 400, "DIGEST_INVALID") !== undefined;
    await expect(place.registry.pushBlob(fileOf(layer), target())).rejects.toMatchObject({
      code: "registry_refused",
      message: expect.stringContaining("no: DIGEST_INVALID"),
    });
  });

  it.each(["http://10.0.0.1/upload", "https://elsewhere.example/upload"])(
    "does not send anything to %s",
    async (location) => {
      server.misbehave = ({ method }, response) =>
        method === "POST" && send(response, 202, content("a/b", ""), { location }) !== undefined;
      await expect(place.registry.pushBlob(fileOf(layer), target())).rejects.toMatchObject({ code: "registry_lied" });
      server.misbehave = ({ method }, response) =>
        method === "PUT" && fail(response, 307, "X", { location }) !== undefined;
      await expect(place.registry.pushBlob(fileOf(layer), target())).rejects.toMatchObject({ code: "registry_lied" });
    },
  );

  it("does not believe a registry that takes a manifest for another", async () => {
    const { manifest } = makeImage();
    server.misbehave = (_, response) =>
      send(response, 201, content("a/b", ""), { "docker-content-digest": layer.digest }) !== undefined;
    await expect(place.registry.pushManifest(manifest.body, ociManifest, target())).rejects.toMatchObject({
      code: "registry_lied",
    });
  });
});
