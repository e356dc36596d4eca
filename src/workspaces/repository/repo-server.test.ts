/** Which servers are reached for a clone: by their addresses, their certificates, and where they redirect to (GIT-02, GIT-03). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type CloneOptions, cloned } from "../../../tests/support/cloned.ts";
import { type GitServer, HOST, makeRepository, PUBLIC, serveGit } from "../../../tests/support/git-server.ts";

let server: GitServer;
let root = "";

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "pyro-repo-server-"));
  server = await serveGit(root);
  makeRepository(root, "r.git", "echo x > x; git add .; git commit -qm x");
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

afterEach(() => {
  server.answer = undefined;
});

const refused = (options: CloneOptions = {}, repository = "r.git") =>
  expect(cloned(server, repository, options)).rejects;

describe("a repository's host", { timeout: 30_000 }, () => {
  const at = (...addresses: string[]) => ({
    network: { ...server.surroundings().network, lookup: async () => addresses },
  });

  it.each(["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fd00::1", "100.64.0.1"])(
    "GIT-03 at %s is reached only where a person permits it",
    async (address) => {
      await refused({ around: at(address) }).toMatchObject({
        code: "repo_address_forbidden",
        hint: /--allow-private-repo/,
      });
      await refused({ around: at(PUBLIC, address) }).toMatchObject({ code: "repo_address_forbidden" });
      await expect(cloned(server, "r.git", { around: at(address), allow_private: true })).resolves.toBeDefined();
    },
  );

  it.each([
    "169.254.169.254",
    "100.100.100.200",
    "fd00:ec2::254",
    "168.63.129.16",
    "0.0.0.0",
    "224.0.0.1",
    "64:ff9b::a9fe:a9fe",
  ])("GIT-03 at %s is never reached", async (address) => {
    for (const allow_private of [true, false])
      await refused({ around: at(address), allow_private }).toMatchObject({ code: "repo_address_forbidden" });
  });

  it("GIT-03 given as an address in any spelling is judged as that address", async () => {
    for (const host of ["127.1", "2130706433", "[::ffff:127.0.0.1]", "0x7f000001"]) {
      const url = `https://${host}:${server.port}/r.git`;
      await refused({ url }).toMatchObject({ code: "repo_address_forbidden" });
      await expect(cloned(server, "r.git", { url, allow_private: true })).resolves.toBeDefined();
    }
  });

  it("must be who its certificate says, to this machine's own list of authorities", async () => {
    await refused({ url: `https://other.example:${server.port}/r.git` }).toMatchObject({
      code: "repo_unreachable",
      message: /altnames/,
    });
    const { network } = server.surroundings();
    await refused({ around: { network, ca: undefined } as CloneOptions["around"] & object }).toMatchObject({
      code: "repo_unreachable",
      message: /certificate/,
    });
  });

  it("that has no address, refuses, or is another one than was found, is not reached", async () => {
    const { network } = server.surroundings();
    const none = { ...network, lookup: () => Promise.reject(new Error("NXDOMAIN")) };
    await refused({ around: { network: none } }).toMatchObject({ code: "repo_unreachable", message: /NXDOMAIN/ });
    await refused({ url: `https://${HOST}:1/r.git` }).toMatchObject({
      code: "repo_unreachable",
      message: /ECONNREFUSED/,
    });
    const connect: typeof network.connect = async (...to) => ({ ...(await network.connect(...to)), peer: "127.0.0.1" });
    await refused({ around: { network: { ...network, connect } } }).toMatchObject({ code: "repo_unreachable" });
  });
});

describe("a redirect", { timeout: 30_000 }, () => {
  const redirect = (to: string) => {
    server.answer = (request) =>
      request.url?.startsWith("/old")
        ? (_, response) => void response.writeHead(301, { location: to }).end()
        : undefined;
  };
  const there = "/info/refs?service=git-upload-pack";

  it("within the same server is followed, as forges do for a name that has changed", async () => {
    for (const to of [`/r.git${there}`, `https://${HOST}:${server.port}/r.git${there}`]) {
      redirect(to);
      expect((await cloned(server, "old")).commit).not.toBeNull();
    }
  });

  it.each([
    "file:///etc/passwd",
    "http://git.example/r.git",
    "https://127.0.0.1/r.git",
    "https://git.example/r.git",
    "https://u:p@git.example/r.git",
    "//evil.example/r.git",
    "ext::sh",
    "",
  ])("to %j is not followed", async (to) => {
    redirect(to + there);
    await refused({}, "old").toMatchObject({ code: "repo_inconsistent", message: /not followed/ });
  });

  it("without an end is not followed for ever", async () => {
    redirect(`/old${there}`);
    await refused({}, "old").toMatchObject({ code: "repo_inconsistent", message: /without an end/ });
  });
});
