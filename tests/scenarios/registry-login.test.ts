/** Registries that want to know who asks: tokens, names and passwords, and where credentials come from. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeImage } from "../support/registry-images.ts";
import { RegistryPlace } from "../support/registry-place.ts";
import { fail, type RegistryLogin, RegistryServer } from "../support/registry-server.ts";

let server: RegistryServer;
let place: RegistryPlace;
const image = makeImage({ sizes: [1_000, 2_000, 3_000] });
beforeEach(async () => {
  server = await RegistryServer.start();
  place = new RegistryPlace({ locate: (name) => program(name) });
  server.addImage("a:1", image);
});
afterEach(async () => {
  place.remove();
  await server.stop();
});

const pull = () => place.pull(`${server.host}/a:1`);
const auth = (text: string) => Buffer.from(text).toString("base64");
const token: RegistryLogin = { kind: "token", username: "me", password: "pass:word" };
const basic: RegistryLogin = { kind: "basic", username: "me", password: "pass:word" };
const unauthorized = { code: "registry_unauthorized" };

function program(name: string): string | undefined {
  const path = join(place.directory, `docker-credential-${name}`);
  return existsSync(path) ? path : undefined;
}

function writeProgram(name: string, script: string): void {
  const path = join(place.directory, `docker-credential-${name}`);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}

describe("a token", () => {
  it("is asked for once by somebody without credentials, and serves for all", async () => {
    server.login = { kind: "token" };
    await pull();
    const asked = server.paths("GET").filter((path) => path.startsWith("/token"));
    expect(asked).toEqual(["/token?service=fake&scope=repository%3Aa%3Apull"]);
    expect(server.requests.filter(({ headers }) => headers.authorization === undefined)).toHaveLength(2);
  });

  it("is renewed once where it is refused, also for those that hear of it later", async () => {
    server.login = { kind: "token" };
    const hasSeen = (token: string) =>
      server.requests.some(({ headers }) => headers.authorization === `Bearer ${token}`);
    let refused = 0;
    server.misbehave = async ({ path, headers }) => {
      if (path.endsWith(image.config.digest) || headers.authorization !== "Bearer token-1") return false;
      if (path.includes("/blobs/")) refused += 1;
      if (refused === 1) server.tokens.clear();
      else if (refused > 1) await expect.poll(() => hasSeen("token-2"), { timeout: 20_000 }).toBe(true);
      return false;
    };
    await pull();
    expect(refused).toBeGreaterThan(1);
    expect(server.paths("GET").filter((path) => path.startsWith("/token"))).toHaveLength(2);
  });

  it("that is refused at once is not asked for again and again", async () => {
    server.login = { kind: "token" };
    server.misbehave = ({ path, headers }, response) =>
      headers.authorization !== undefined && !path.startsWith("/token") && fail(response, 401, "DENIED") !== undefined;
    await expect(pull()).rejects.toMatchObject(unauthorized);
    expect(server.requests).toHaveLength(3);
  });

  it("is given for a login", async () => {
    server.login = token;
    await expect(pull()).rejects.toMatchObject({ ...unauthorized, hint: expect.stringContaining("docker login") });
    place.remove();
    place = new RegistryPlace();
    place.dockerConfig({ auths: { [server.host]: { auth: auth("me:pass:word") } } });
    await pull();
  });

  it("is given for a token that stands for a login", async () => {
    server.login = { ...token, identity_token: "stands-for-me" };
    place.dockerConfig({
      auths: { [`https://${server.host}/v2/`]: { auth: auth("<token>:"), identitytoken: "stands-for-me" } },
    });
    await pull();
    const [asked] = server.requests.filter(({ method }) => method === "POST");
    expect(Object.fromEntries(new URLSearchParams(asked?.body.toString()))).toEqual({
      grant_type: "refresh_token",
      client_id: "pyro",
      refresh_token: "stands-for-me",
      service: "fake",
      scope: "repository:a:pull",
    });
  });

  it.each([
    ["no JSON", "nothing"],
    ["no token", "{}"],
    ["more than one header", JSON.stringify({ token: "a\r\nX-Evil: b" })],
  ])("that is %s is a lie", async (_, body) => {
    server.login = { kind: "token" };
    server.misbehave = ({ path }, response) => path.startsWith("/token") && response.end(body) !== undefined;
    await expect(pull()).rejects.toMatchObject({ code: "registry_lied", details: { claim: "type" } });
  });
});

describe("a name and a password", () => {
  it("are sent where the registry asks for them", async () => {
    server.login = basic;
    place.dockerConfig({ auths: { [server.host]: { username: "me", password: "pass:word" } } });
    await pull();
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });

  it("that are wrong are tried once, and not shown", async () => {
    server.login = basic;
    place.dockerConfig({ auths: { [server.host]: { auth: auth("me:wrong-secret") } } });
    const error = await pull().catch((thrown) => thrown);
    expect(error).toMatchObject(unauthorized);
    expect(JSON.stringify(error)).not.toContain("wrong-secret");
    expect(server.requests).toHaveLength(2);
  });

  it("of another registry stay where they are", async () => {
    server.login = basic;
    place.dockerConfig({
      auths: { "elsewhere.example": { auth: auth("me:pass:word") }, "127.0.0.1": { auth: auth("me:pass:word") } },
    });
    await expect(pull()).rejects.toMatchObject(unauthorized);
    expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

describe("a credential program", () => {
  beforeEach(() => {
    server.login = token;
  });

  it("is told the registry on standard input, and believed", async () => {
    writeProgram("good", `cat > "$HOME/asked"; echo '{"ServerURL":"x","Username":"me","Secret":"pass:word"}'`);
    place.dockerConfig({ credsStore: "none", credHelpers: { [server.host]: "good" } });
    await pull();
    expect(readFileSync(join(place.directory, "asked"), "utf8")).toBe(`${server.host}\n`);
    expect(place.warnings()).toEqual([]);
  });

  it("gives a token that stands for a login", async () => {
    server.login = { ...token, identity_token: "stands" };
    writeProgram("good", `echo '{"Username":"<token>","Secret":"stands"}'`);
    place.dockerConfig({ credsStore: "good" });
    await pull();
  });

  it("that knows nothing says nothing", async () => {
    server.login = { kind: "token" };
    writeProgram("empty", "echo 'credentials not found in native keychain'; exit 1");
    place.dockerConfig({ credsStore: "empty" });
    await pull();
    expect(place.warnings()).toEqual([]);
  });

  it.each([
    ["is not there", "absent", "", /not installed/],
    ["has a name that is none", "../../bin/sh", "", /"\.\.\/\.\.\/bin\/sh" is not installed/],
    ["fails", "bad", "echo 'no \u001b[31mway'; exit 3", /ended with 3: no way;/],
    ["prints something else", "bad", "echo nothing", /printed no credentials/],
    ["prints without end", "bad", "head -c 1000000 /dev/zero", /printed no credentials/],
  ])("that %s is a warning, and nobody is logged in", async (_, name, script, words) => {
    server.login = { kind: "token" };
    if (name === "bad") writeProgram(name, script);
    place.dockerConfig({ credsStore: name });
    await pull();
    expect(place.warnings()).toEqual([expect.stringMatching(words)]);
  });
});

describe("Docker's file", () => {
  it.each([
    ["no JSON", "{", /not as Docker writes it/],
    ["another shape", { auths: [] }, /not as Docker writes it/],
  ])("that has %s is a warning, and nobody is logged in", async (_, config, words) => {
    server.login = { kind: "token" };
    place.dockerConfig(config);
    await pull();
    expect(place.warnings()).toEqual([expect.stringMatching(words)]);
  });

  it("with an entry that cannot be read is a warning", async () => {
    server.login = { kind: "token" };
    place.dockerConfig({ auths: { [server.host]: { auth: auth("no colon") } } });
    await pull();
    expect(place.warnings()).toEqual([expect.stringContaining("cannot be read")]);
  });
});
