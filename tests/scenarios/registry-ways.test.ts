/** Ways to a registry: mirrors in order, proxies from the environment, and the user's configuration. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { certificateFor } from "../support/certificates.ts";
import { ProxyServer } from "../support/proxy-server.ts";
import { content, makeImage } from "../support/registry-images.ts";
import { pretendNetwork, RegistryPlace } from "../support/registry-place.ts";
import { fail, RegistryServer, send } from "../support/registry-server.ts";

describe("mirrors", () => {
  const image = makeImage({ sizes: [10_000, 20_000] });
  const network = () => pretendNetwork({ "r.example": "93.184.216.34" }, { "93.184.216.34": server.port });
  let server: RegistryServer;
  let mirror: RegistryServer;
  let place: RegistryPlace;
  beforeEach(async () => {
    [server, mirror] = await Promise.all([RegistryServer.start(), RegistryServer.start()]);
    server.addImage("a:1", image);
    mirror.addImage("a:1", image);
    place = new RegistryPlace({ surroundings: network() });
    place.configure({ registries: { "r.example": { insecure: true, mirrors: [`http://${mirror.host}`] } } });
  });
  afterEach(async () => {
    place.remove();
    await Promise.all([server.stop(), mirror.stop()]);
  });

  it("are asked first, and it is said that one answered", async () => {
    await place.pull("r.example/a:1");
    expect(server.requests).toEqual([]);
    const said = place.events.flatMap((event) => (event.type === "notice" ? [event.message] : []));
    expect(said).toEqual([`The mirror ${mirror.host} answers for r.example/a:1`]);
  });

  it("get their own credentials, and the registry's stay where they are", async () => {
    mirror.login = { kind: "basic", username: "m", password: "own" };
    server.login = { kind: "basic", username: "r", password: "secret" };
    const auth = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
    place.dockerConfig({ auths: { "r.example": auth("r:secret"), [mirror.host]: auth("m:own") } });
    await place.pull("r.example/a:1");
    place.remove();
    place = new RegistryPlace({ surroundings: network() });
    place.configure({ registries: { "r.example": { insecure: true, mirrors: [`http://${mirror.host}`] } } });
    place.dockerConfig({ auths: { "r.example": auth("r:secret") } });
    mirror.requests.length = 0;
    await place.pull("r.example/a:1");
    expect(mirror.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it.each([
    ["does not have it", () => mirror.manifests.clear(), /has no manifest/],
    ["lies", () => mirror.addManifest("a:1", content("text/html", "<html>")), /sent "text\/html"/],
    [
      "is in trouble",
      () => (mirror.misbehave = (_, response) => fail(response, 500, "X") !== undefined),
      /failed with 500/,
    ],
  ])("that %s is passed over with a warning", async (_, prepare, words) => {
    prepare();
    await place.pull("r.example/a:1");
    expect(place.warnings()).toEqual([expect.stringMatching(words)]);
    expect(server.paths("GET").length).toBeGreaterThan(0);
  });

  it("that has the name and not the layers leaves these to the registry", async () => {
    for (const { digest } of image.layers) mirror.blobs.delete(digest);
    expect(await place.pull("r.example/a:1")).toMatchObject({ present: 0, total: 2 });
    expect(server.paths("GET")).toEqual(
      expect.arrayContaining(image.layers.map(({ digest }) => `/v2/a/blobs/${digest}`)),
    );
  });

  it("that are all of no use leave the registry's own error", async () => {
    mirror.manifests.clear();
    server.misbehave = (_, response) => send(response, 418, content("a/b", "")) !== undefined;
    await expect(place.pull("r.example/a:1")).rejects.toMatchObject({ code: "registry_refused" });
  });
});

describe("proxies", () => {
  const certificate = certificateFor("r.example");
  let server: RegistryServer;
  let proxy: ProxyServer;
  let place: RegistryPlace;
  const start = async (tls?: { key: string; cert: string }) => {
    server = await RegistryServer.start(tls === undefined ? {} : { tls });
    server.addImage("a:1", makeImage());
    proxy = await ProxyServer.start(server.port);
  };
  const open = (env: Record<string, string>, names: Record<string, string> = {}) => {
    place = new RegistryPlace({ env, surroundings: { ...pretendNetwork(names, {}), ca: certificate.cert } });
  };
  afterEach(async () => {
    place.remove();
    await Promise.all([server.stop(), proxy.stop()]);
  });

  it("connect for https, with their own login, to names that are not looked up here", async () => {
    await start(certificate);
    open({ https_proxy: `http://me:p%40ss@127.0.0.1:${proxy.port}` });
    await place.pull("r.example/a:1");
    expect(new Set(proxy.asked)).toEqual(new Set(["CONNECT r.example:443"]));
    expect(new Set(proxy.logins)).toEqual(new Set([`Basic ${Buffer.from("me:p@ss").toString("base64")}`]));
    expect(server.requests.every(({ headers }) => headers["proxy-authorization"] === undefined)).toBe(true);
  });

  it.skipIf(certificate === undefined)("that refuse are said to be what failed (skipped without openssl)", async () => {
    await start(certificate);
    proxy.refuses = 407;
    open({ HTTPS_PROXY: `127.0.0.1:${proxy.port}` });
    await expect(place.pull("r.example/a:1")).rejects.toMatchObject({
      code: "registry_unreachable",
      message: expect.stringContaining("the proxy answered 407"),
    });
  });

  it.skipIf(certificate === undefined)(
    "are not led to addresses that are private by their spelling (skipped without openssl)",
    async () => {
      await start(certificate);
      open({ https_proxy: `http://127.0.0.1:${proxy.port}` });
      server.misbehave = ({ path }, response) =>
        path.includes("/blobs/") && fail(response, 307, "X", { location: "https://10.0.0.1/x" }) !== undefined;
      await expect(place.pull("r.example/a:1")).rejects.toMatchObject({ code: "registry_lied" });
      expect(proxy.asked).not.toContain("CONNECT 10.0.0.1:443");
    },
  );

  it("get requests in full for http", async () => {
    await start();
    open({ HTTP_PROXY: `http://127.0.0.1:${proxy.port}` });
    place.configure({ registries: { "r.example": { insecure: true } } });
    await place.pull("r.example/a:1");
    expect(proxy.asked[0]).toBe("GET http://r.example/v2/a/manifests/1");
  });

  it("are not asked for this machine, nor for what no_proxy names", async () => {
    await start();
    open({ http_proxy: "http://127.0.0.1:9" });
    await place.pull(`${server.host}/a:1`);
    const names = { "r.example": "127.0.0.1" };
    place.remove();
    open({ http_proxy: "http://127.0.0.1:9", no_proxy: "other.example, example" }, names);
    place.configure({ registries: { [`r.example:${server.port}`]: { insecure: true } } });
    await place.pull(`r.example:${server.port}/a:1`);
    expect(proxy.asked).toEqual([]);
  });

  it("that are none are a typed error that does not repeat their password", async () => {
    await start();
    open({ https_proxy: "socks5://me:secret@host" });
    const error = await place.pull("r.example/a:1").catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "invalid_input", message: expect.stringContaining("https_proxy") });
    expect(JSON.stringify(error)).not.toContain("secret");
  });
});
