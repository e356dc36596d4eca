/** The MCP server on fake machines, driven by the official client in every mode, over stdio and HTTP. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import { clientModes, type HttpServer, overHttp, startHttp } from "../support/mcp.ts";
import { mcpScenarios, seedFiles } from "./mcp-scenarios.ts";

let fake: FakeMcp;
let http: HttpServer;
let seed = "";
const TOKEN = "a-token-of-this-test-alone";

beforeAll(async () => {
  fake = await openFakeMcp();
  seed = join(fake.room, "seed");
  mkdirSync(seed);
  for (const [name, text] of Object.entries(seedFiles)) writeFileSync(join(seed, name), text);
  http = await startHttp(fake.server(["--http", "0"], { PYRO_MCP_TOKEN: TOKEN }));
});
afterAll(async () => {
  await http.close();
  fake.close();
});

for (const mode of clientModes) {
  mcpScenarios(`over stdio with a ${mode} client`, () => ({
    connect: () => fake.connect([], mode),
    seed,
    exports: fake.exports,
  }));
  mcpScenarios(`over HTTP with a ${mode} client`, () => ({
    connect: () => overHttp(http.url, TOKEN, mode),
    seed,
    exports: fake.exports,
  }));
}

describe("a workspace that is told nothing", () => {
  const begun = async (flags: readonly string[]) => {
    const { client, call, close } = await fake.connect(flags);
    const { data, isError } = await call("workspace_create");
    if (!isError) await call("workspace_delete", { workspace_id: data["workspace_id"] });
    const { tools } = await client.listTools();
    const instructions = client.getInstructions() ?? "";
    await close();
    return { data, description: tools[0]?.description ?? "", instructions };
  };

  it("begins with the checkout around the working directory, which is named and not written to", async () => {
    const checkout = fake.room;
    execFileSync("git", ["init", "-q", checkout]);
    writeFileSync(join(checkout, ".gitignore"), "ignored\n");
    writeFileSync(join(checkout, "ignored"), "x");
    const before = readdirSync(checkout, { recursive: true }).sort();
    const { data, description, instructions } = await begun([]);
    expect(data).toMatchObject({ workspace_seed: { origin_kind: "git_checkout", origin_ref: checkout } });
    expect(description).toContain(`begins with the checkout ${checkout}`);
    expect(instructions).toContain(checkout);
    expect(readdirSync(checkout, { recursive: true }).sort()).toEqual(before);
    rmSync(join(checkout, ".git"), { recursive: true });
  });

  it("begins with the project that was named, or with nothing", async () => {
    expect(await begun(["--project-path", "seed"])).toMatchObject({
      data: { workspace_seed: { origin_kind: "directory", origin_ref: seed, entry_count: 2 } },
    });
    expect(await begun(["--no-project-source"])).toMatchObject({ data: { workspace_seed: { origin_kind: "empty" } } });
    const missing = await begun(["--project-path", "no-such-place"]);
    expect(missing.data).toMatchObject({ code: "project_source_unusable" });
  });
});

describe("the server", () => {
  it.each(clientModes)("says what it is and lists the same tools to a %s client each time", async (mode) => {
    const { client, close } = await fake.connect([], mode);
    expect(client.getServerVersion()).toMatchObject({ name: "pyro" });
    expect(client.getInstructions()?.slice(0, 500)).toContain("workspace_create");
    const first = await client.listTools();
    const second = await client.listTools();
    expect(second.tools).toEqual(first.tools);
    expect(first.tools.map(({ name }) => name).slice(0, 2)).toEqual(["workspace_create", "workspace_exec"]);
    await close();
  });

  it("leaves workspaces behind that a later one finds", async () => {
    const first = await fake.connect();
    const { data } = await first.call("workspace_create", { name: "left" });
    await first.close();
    const second = await fake.connect();
    const { data: found } = await second.call("workspace_list");
    expect(found).toMatchObject({ workspaces: [{ workspace_id: data["workspace_id"], name: "left" }] });
    await second.call("workspace_delete", { workspace_id: "left" });
    await second.close();
  });

  it("names the workspaces that there are where one is unknown", async () => {
    const { call, close } = await fake.connect();
    await call("workspace_create", { name: "known" });
    const reply = await call("workspace_exec", { workspace_id: "unknown", command: ["true"] });
    expect(reply).toMatchObject({
      isError: true,
      data: {
        code: "workspace_not_found",
        hint: "workspace_list",
        details: { known_workspaces: [{ name: "known", state: "started" }] },
      },
    });
    expect(reply.text).toMatch(/^\[workspace_not_found\] .*\nhint: workspace_list/);
    expect(reply.text).toContain("name=known state=started");
    await call("workspace_delete", { workspace_id: "known" });
    await close();
  });
});
