/** The MCP server that a program makes: the same tools over a transport of its own, and over the web's requests. */
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, describe, expect, it } from "vitest";
import { serverOver } from "../../src/mcp/create-server.ts";
import { createServer, Pyro } from "../../src/sdk/index.ts";
import { openFakeWorkspaces } from "../support/workspaces.ts";

const fake = openFakeWorkspaces();
afterAll(() => fake.close());

const newClient = () => new Client({ name: "program", version: "1.0.0" });

describe("createServer", () => {
  it("gives the tools of a profile or mode, from the package, the class and what it opened", () => {
    const names = (server: { tools: readonly { name: string }[] }) => server.tools.map(({ name }) => name);
    const own = names(createServer({ mode: "inspect" }));
    expect(own).toContain("workspace_exec");
    expect(own).not.toContain("workspace_patch_apply");
    expect(names(Pyro.createServer({ mode: "inspect" }))).toEqual(own);
    expect(names(new Pyro().createServer({ mode: "inspect" }))).toEqual(own);
    expect(names(createServer())).toEqual(names(createServer({ profile: "workspace-core" })));
  });

  it.each([
    { profile: "workspace-core", mode: "inspect" },
    { profile: "no-such" },
    { repo_ref: "main" },
    { tools: [] },
  ])("refuses %j", (options) => {
    expect(() => createServer(JSON.parse(JSON.stringify(options)))).toThrow(
      expect.objectContaining({ code: "invalid_input" }),
    );
  });

  it("serves a client on a transport of the program's own", async () => {
    const server = serverOver({ no_project_source: true }, { engine: () => fake.engine });
    const [ours, theirs] = InMemoryTransport.createLinkedPair();
    await server.connect(ours);
    const client = newClient();
    await client.connect(theirs);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(server.tools.map(({ name }) => name));
    const created = await client.callTool({ name: "workspace_create", arguments: { name: "own" } });
    expect(created.structuredContent).toMatchObject({ name: "own", state: "started" });
    expect(await fake.pyro.statusWorkspace({ workspace_id: "own" })).toMatchObject({ state: "started" });
    await client.callTool({ name: "workspace_delete", arguments: { workspace_id: "own" } });
    await client.close();
    await server.close();
  });

  it("answers requests of Streamable HTTP", async () => {
    const server = serverOver({ no_project_source: true }, { engine: () => fake.engine });
    const client = newClient();
    const fetch = (url: string | URL, init?: RequestInit) => server.fetch(new Request(url, init));
    await client.connect(new StreamableHTTPClientTransport(new URL("http://program.invalid/mcp"), { fetch }));
    const listed = await client.callTool({ name: "workspace_list", arguments: {} });
    expect(listed.structuredContent).toMatchObject({ workspaces: [] });
    await client.close();
    await server.close();
  });
});
