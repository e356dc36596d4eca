/** Registries that send something else than a layer, break off, never end, or are in trouble: nothing wrong stays in the cache. */
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listBlobs, openBlob } from "../../src/environments/registry/blobs.ts";
import { answerAt, failureOf } from "../support/registry-failures.ts";
import { content, gzipLayer, makeImage } from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";
import { fail, RegistryServer, send } from "../support/registry-server.ts";

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

const pull = () => place.pull(`${server.host}/a:1`);

describe("a layer", () => {
  const size = 200_000;
  const layer = content(gzipLayer, randomBytes(size));
  const image = makeImage({ layers: [layer] });
  beforeEach(() => server.addImage("a:1", image));

  /** Nothing counts as the layer, and what is left is either nothing or a true beginning of it. */
  async function nothingWrong(): Promise<void> {
    expect(await openBlob(layer.digest, place.paths)).toBeUndefined();
    server.misbehave = () => false;
    await pull();
    (await openBlob(layer.digest, place.paths))?.close();
  }

  it("of another content is fetched twice, and then a lie", async () => {
    server.blobs.set(layer.digest, randomBytes(size));
    expect(await failureOf(pull)).toMatchObject({ code: "registry_lied", claim: "digest" });
    expect(server.paths("GET").filter((path) => path.endsWith(layer.digest))).toHaveLength(2);
    server.blobs.set(layer.digest, layer.body);
    await nothingWrong();
  });

  it("of another content once is fetched again and right", async () => {
    let times = 0;
    server.misbehave = ({ path }, response) => {
      if (!path.endsWith(layer.digest) || times++ > 0) return false;
      send(response, 200, content("application/octet-stream", randomBytes(size)));
      return true;
    };
    expect(await pull()).toMatchObject({ fetched_bytes: 2 * size });
  });

  it.each([
    ["announced shorter", layer.body.subarray(1), {}],
    ["announced longer", Buffer.concat([layer.body, Buffer.from("x")]), {}],
    ["a web page", layer.body, { "content-type": "text/html" }],
  ] as const)("that is %s is a lie", async (_, body, headers) => {
    server.misbehave = answerAt(layer.digest, (response) => send(response, 200, content("a/b", body), headers));
    expect(await failureOf(pull)).toMatchObject({ code: "registry_lied" });
    expect(place.pauses).toEqual([]);
    expect(listBlobs(place.paths).map(({ size_bytes, is_whole }) => [size_bytes, is_whole])).toEqual([[0, false]]);
    await nothingWrong();
  });

  it("that never ends is cut at its size", async () => {
    server.misbehave = answerAt(layer.digest, (response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    });
    expect(await failureOf(pull)).toMatchObject({ code: "registry_lied", claim: "size" });
    await nothingWrong();
  });

  it("that ends early without a word is asked for again, and then a lie", async () => {
    server.misbehave = answerAt(layer.digest, (response) => {
      response.writeHead(200);
      response.end(layer.body.subarray(0, 1_000));
    });
    expect(await failureOf(pull)).toMatchObject({ code: "registry_lied", claim: "size" });
    expect(place.pauses).toHaveLength(4);
    await nothingWrong();
  });

  it.each([10, 50, 99])("that breaks off at %i %% is gone on with", async (percent) => {
    const cut = (size * percent) / 100;
    let times = 0;
    server.misbehave = ({ path }, response) => {
      if (!path.endsWith(layer.digest) || times++ > 0) return false;
      response.writeHead(200, { "content-length": String(size) });
      response.write(layer.body.subarray(0, cut), () => response.destroy());
      return true;
    };
    expect(await pull()).toMatchObject({ fetched_bytes: size });
    expect(server.sent_bytes - image.config.body.length).toBeLessThanOrEqual(size);
    expect(place.pauses).toHaveLength(1);
  });

  it.each([
    ["another beginning", "bytes 0-199999/200000"],
    ["another size", "bytes 1000-299999/300000"],
    ["nothing", undefined],
  ])("whose rest is said to be %s is a lie", async (_, range) => {
    let times = 0;
    server.misbehave = ({ path }, response) => {
      if (!path.endsWith(layer.digest)) return false;
      if (times++ > 0)
        send(
          response,
          206,
          content("a/b", layer.body.subarray(1_000)),
          range === undefined ? {} : { "content-range": range },
        );
      else
        response
          .writeHead(200, { "content-length": String(size) })
          .write(layer.body.subarray(0, 1_000), () => response.destroy());
      return true;
    };
    expect(await failureOf(pull)).toMatchObject({ code: "registry_lied", claim: "size" });
    await nothingWrong();
  });

  it("whose rest is not to be had begins anew", async () => {
    let times = 0;
    server.misbehave = ({ path, headers }, response) => {
      if (!path.endsWith(layer.digest)) return false;
      if (headers.range !== undefined) fail(response, 416, "RANGE");
      else if (times++ > 0) return false;
      else
        response
          .writeHead(200, { "content-length": String(size) })
          .write(layer.body.subarray(0, 1_000), () => response.destroy());
      return true;
    };
    expect(await pull()).toMatchObject({ fetched_bytes: size + 1_000 });
  });

  it("that stops coming is asked for again after the silence", async () => {
    place.remove();
    place = new RegistryPlace({ silence_ms: 300 });
    let times = 0;
    server.misbehave = ({ path }, response) => {
      if (!path.endsWith(layer.digest) || times++ > 0) return false;
      response.writeHead(200, { "content-length": String(size) });
      response.write(layer.body.subarray(0, 1_000));
      return true;
    };
    expect(await pull()).toMatchObject({ fetched_bytes: size });
  });

  it("that comes a byte at a time is given up after a minute of that", async () => {
    place.remove();
    let time = 0;
    // Each look at the clock is a second later.
    place = new RegistryPlace({ surroundings: { clock: () => (time += 1_000) } });
    server.misbehave = answerAt(layer.digest, (response) => {
      response.writeHead(200, { "content-length": String(size) });
      const drip = setInterval(() => response.write("x"), 1);
      response.once("close", () => clearInterval(drip));
    });
    const { code, message } = await failureOf(pull);
    expect([code, message]).toEqual(["registry_unreachable", expect.stringContaining("less than 61440 bytes")]);
    expect(place.pauses).toHaveLength(4);
  });
});

describe("a server in trouble", () => {
  beforeEach(() => server.addImage("a:1", makeImage()));

  it.each([500, 502, 503, 504, 408])("is asked again after %i", async (status) => {
    let times = 0;
    server.misbehave = (_, response) => times++ < 3 && fail(response, status, "X") !== undefined;
    await pull();
    expect(place.pauses.map((pause, at) => pause >= 250 * 2 ** at && pause <= 500 * 2 ** at)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("is given up after five tries, with its own words in one line", async () => {
    server.misbehave = (_, response) => {
      const body = { errors: [{ code: "X", message: "no\u001b[31m\nroom" }] };
      return send(response, 503, content("application/json", body)) !== undefined;
    };
    const { code, message } = await failureOf(pull);
    expect([code, message]).toEqual([
      "registry_unreachable",
      `"${server.host}" failed with 503 again and again: no room`,
    ]);
    expect(server.requests).toHaveLength(5);
  });

  it.each([
    ["7", 7_000],
    ["3600", 60_000],
    ["0", undefined],
  ])("that says Retry-After: %s is given that time, at most a minute", async (value, pause) => {
    let times = 0;
    server.misbehave = (_, response) =>
      times++ < 1 && fail(response, 429, "TOOMANY", { "retry-after": value }) !== undefined;
    await pull();
    expect(place.pauses).toEqual([pause ?? expect.any(Number)]);
  });

  it("that was asked too often is named, and docker login", async () => {
    server.misbehave = (_, response) => fail(response, 429, "TOOMANYREQUESTS") !== undefined;
    const thrown = await pull().catch((error) => error);
    expect([thrown.code, thrown.hint]).toEqual(["registry_limited", expect.stringContaining("docker login")]);
  });

  it("is not asked again for what it does not have", async () => {
    expect(await failureOf(() => place.pull(`${server.host}/a:2`))).toMatchObject({ code: "image_not_found" });
    expect(server.requests).toHaveLength(1);
    server.misbehave = (_, response) => fail(response, 405, "UNSUPPORTED") !== undefined;
    expect(await failureOf(pull)).toMatchObject({ code: "registry_refused" });
  });

  it("that is not there is said to be unreachable", async () => {
    const { host } = server;
    await server.stop();
    const error = await failureOf(() => place.pull(`${host}/a:1`));
    expect(error).toMatchObject({ code: "registry_unreachable", message: expect.stringContaining("ECONNREFUSED") });
    server = await RegistryServer.start();
  });
});
