/** Where a registry may lead, and what goes along: TLS only, no credentials for others, never into a private network that is not its own. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostSurroundings } from "../../src/environments/registry/surroundings.ts";
import { certificateFor } from "../support/certificates.ts";
import { type MadeImage, makeImage } from "../support/registry-images.ts";
import { type PlaceOptions, pretendNetwork, RegistryPlace } from "../support/registry-place.ts";
import { fail, RegistryServer } from "../support/registry-server.ts";

const [HUB, AUTH, STORE] = ["93.184.216.34", "93.184.216.35", "93.184.216.36"];
const names: Record<string, string> = {
  "registry.example": HUB,
  "auth.example": AUTH,
  "store.example": STORE,
  "inside.example": "10.1.2.3",
  "metadata.example": "169.254.169.254",
  "home.example": "127.0.0.1",
  "private.example": "10.9.9.9",
};
const certificate = certificateFor(...Object.keys(names), "127.0.0.1", "localhost");

describe("a registry with TLS", () => {
  let server: RegistryServer;
  let store: RegistryServer;
  let place: RegistryPlace;
  let image: MadeImage;
  let network: ReturnType<typeof pretendNetwork>;
  beforeEach(async () => {
    server = await RegistryServer.start({ tls: certificate });
    store = await RegistryServer.start({ tls: certificate });
    image = makeImage({ sizes: [5_000] });
    server.addImage("a:1", image);
    for (const layer of image.layers) store.addBlob(layer);
    open();
  });
  afterEach(async () => {
    place.remove();
    await Promise.all([server.stop(), store.stop()]);
  });

  function open(options: PlaceOptions = {}): void {
    place?.remove();
    const ports = {
      [HUB]: server.port,
      [AUTH]: store.port,
      [STORE]: store.port,
      "10.9.9.9": server.port,
      "10.1.2.3": store.port,
    };
    network = pretendNetwork(names, ports);
    place = new RegistryPlace({
      ...options,
      surroundings: { ...network, ca: certificate.cert, ...options.surroundings },
    });
    place.dockerConfig({
      auths: Object.fromEntries(
        Object.keys(names).map((name) => [name, { auth: Buffer.from(`me@${name}:secret`).toString("base64") }]),
      ),
    });
  }

  /** Sends whoever asks for a layer to that address. */
  function lead(location: string, status = 307): void {
    const [layer] = image.layers;
    server.misbehave = ({ path }, response) =>
      path.endsWith(layer?.digest ?? "") && fail(response, status, "X", { location }) !== undefined;
  }

  const layerPath = () => `/v2/a/blobs/${image.layers[0]?.digest}`;
  const pull = (host = "registry.example") => place.pull(`${host}/a:1`);
  const lied = { code: "registry_lied", details: { claim: "place" } };

  it("is spoken to over TLS, and not trusted with another name's certificate", async () => {
    await pull();
    expect(network.connected.every((to) => to === `${HUB}:443`)).toBe(true);
    names["stranger.example"] = HUB;
    await expect(pull("stranger.example")).rejects.toMatchObject({
      code: "registry_unreachable",
      message: expect.stringContaining("certificate"),
    });
  });

  it("may lead to a store elsewhere, without what authorized the request", async () => {
    server.login = { kind: "basic", username: "me@registry.example", password: "secret" };
    lead(`https://store.example${layerPath()}?signed=1`);
    await pull();
    expect(store.requests.map(({ path, headers }) => [path, headers.authorization, headers.host])).toEqual([
      [`${layerPath()}?signed=1`, undefined, "store.example"],
    ]);
  });

  it("does not get its authorization back by way of another place", async () => {
    server.login = { kind: "basic", username: "me@registry.example", password: "secret" };
    lead(`https://store.example/back`);
    store.misbehave = (_, response) =>
      fail(response, 302, "X", { location: `https://registry.example/v2/again` }) !== undefined;
    await expect(pull()).rejects.toMatchObject({ code: "registry_unauthorized" });
    const again = server.requests.filter(({ path }) => path === "/v2/again");
    expect(again.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it("may lead within itself, with it", async () => {
    server.login = { kind: "basic", username: "me@registry.example", password: "secret" };
    const { misbehave } = server;
    lead(`/v2/b/blobs/${image.layers[0]?.digest}`);
    const leading = server.misbehave;
    server.misbehave = (request, response) =>
      (request.path.startsWith("/v2/b") ? misbehave : leading)(request, response);
    await pull();
  });

  it.each([
    ["plain http", "http://store.example/x"],
    ["a file", "file:///etc/passwd"],
    ["a login", "https://me:you@store.example/x"],
    ["a private network", "https://inside.example/x"],
    ["a cloud's metadata", "https://metadata.example/x"],
    ["a name for this machine", "https://home.example/x"],
    ["this machine", "https://localhost/x"],
    ["its address", "https://127.0.0.1/x"],
    ["its address in another spelling", "https://2130706433/x"],
    ["its address within IPv6", "https://[::ffff:127.0.0.1]/x"],
    ["nothing at all", "https://"],
  ])("may not lead to %s", async (_, location) => {
    lead(location);
    await expect(pull()).rejects.toMatchObject(lied);
    expect(network.connected.filter((to) => !to.startsWith(HUB))).toEqual([]);
    expect(store.requests).toEqual([]);
  });

  it("may not lead around in a circle", async () => {
    lead(layerPath());
    await expect(pull()).rejects.toMatchObject(lied);
    expect(server.paths("GET").filter((path) => path === layerPath())).toHaveLength(6);
  });

  it("in a private network may lead to another place there, and not to this machine", async () => {
    lead(`https://inside.example${layerPath()}`);
    await pull("private.example");
    expect(store.requests).toHaveLength(1);
    open();
    lead("https://home.example/x");
    await expect(pull("private.example")).rejects.toMatchObject(lied);
    lead("https://metadata.example/x");
    await expect(pull("private.example")).rejects.toMatchObject(lied);
  });

  it("is not believed where a name has a good and a bad address, or another one than it had", async () => {
    open({ surroundings: { lookup: async (name) => (name === "store.example" ? [STORE, "127.0.0.1"] : [HUB]) } });
    lead("https://store.example/x");
    await expect(pull()).rejects.toMatchObject(lied);
    const real = network.connect;
    open({
      surroundings: {
        connect: async (address, port, signal) => ({
          ...(await real(address, port, signal)),
          peer: address === STORE ? "127.0.0.1" : address,
        }),
      },
    });
    await expect(pull()).rejects.toMatchObject(lied);
    expect(store.requests).toEqual([]);
  });

  it("may name another host for tokens, as Docker Hub does, and the credentials are its own", async () => {
    server.login = { kind: "token", realm: "https://auth.example/token" };
    store.login = { kind: "token", username: "me@registry.example", password: "secret" };
    store.misbehave = ({ path }) => {
      if (path.startsWith("/token")) queueMicrotask(() => server.tokens.add("token-1"));
      return false;
    };
    await pull();
    expect(store.paths("GET")).toEqual(["/token?service=fake&scope=repository%3Aa%3Apull"]);
  });

  it.each([
    ["plain http", "http://auth.example/token"],
    ["a private network", "https://inside.example/token"],
    ["this machine", "https://127.0.0.1/token"],
    ["a cloud's metadata", "https://metadata.example/token"],
    ["no address", "token"],
    ["a login", "https://a:b@auth.example/token"],
  ])("may not have tokens at %s", async (_, realm) => {
    server.login = { kind: "token", realm };
    await expect(pull()).rejects.toMatchObject(lied);
    expect(store.requests).toEqual([]);
  });

  it("may not have tokens at a place that leads on", async () => {
    server.login = { kind: "token", realm: "https://auth.example/token" };
    store.misbehave = (_, response) =>
      fail(response, 302, "X", { location: "https://store.example/token" }) !== undefined;
    await expect(pull()).rejects.toMatchObject(lied);
    expect(store.requests).toHaveLength(1);
  });

  it("is not logged in to by a place that it leads to", async () => {
    store.login = { kind: "basic", username: "me@registry.example", password: "secret" };
    lead(`https://store.example${layerPath()}`);
    await expect(pull()).rejects.toMatchObject({ code: "registry_unauthorized" });
    expect(store.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });
});

describe("plain http", () => {
  it("does not go to another machine that is called localhost", async () => {
    const server = await RegistryServer.start();
    server.addImage("a:1", makeImage());
    const { connect } = hostSurroundings;
    const elsewhere: typeof connect = async (address, port, signal) => ({
      ...(await connect(address, port, signal)),
      peer: HUB,
    });
    const place = new RegistryPlace({ surroundings: { connect: elsewhere } });
    const pull = place.pull(`localhost:${server.port}/a:1`);
    await expect(pull).rejects.toMatchObject({ code: "registry_unreachable" });
    expect(server.requests).toEqual([]);
    place.remove();
    await server.stop();
  });

  it("is for this machine alone, and for what the configuration names", async () => {
    const server = await RegistryServer.start();
    server.addImage("a:1", makeImage());
    const network = pretendNetwork({ "plain.example": HUB, "localhost.example": HUB }, { [HUB]: server.port });
    const place = new RegistryPlace({ surroundings: network });
    try {
      await place.pull(`localhost:${server.port}/a:1`);
      await expect(place.pull("plain.example/a:1")).rejects.toMatchObject({ code: "registry_unreachable" });
      expect(server.requests.some(({ headers }) => headers.host?.includes("example"))).toBe(false);
      place.configure({ registries: { "plain.example": { insecure: true } } });
      const other = new RegistryPlace({ surroundings: network, env: { PYRO_HOME: place.paths.data } });
      await other.pull("plain.example/a:1");
      other.remove();
    } finally {
      place.remove();
      await server.stop();
    }
  });
});
