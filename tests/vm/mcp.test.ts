/** The MCP server as it is installed, over stdio, with workspaces on real virtual machines. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mcpScenarios, seedFiles } from "../scenarios/mcp-scenarios.ts";
import { pyroProgram } from "../support/cli.ts";
import { copiedHome } from "../support/copied-home.ts";
import { type Connected, overStdio } from "../support/mcp.ts";

let scratch = "";
let seed = "";
let state = "";

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "pyro-vm-mcp-"));
  state = (await copiedHome(scratch)).data;
  seed = join(scratch, "project", "seed");
  mkdirSync(seed, { recursive: true });
  for (const [name, text] of Object.entries(seedFiles)) writeFileSync(join(seed, name), text);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const connect = (): Promise<Connected> => {
  const env = { HOME: join(scratch, "home"), PATH: process.env["PATH"] ?? "", PYRO_HOME: state };
  return overStdio({ command: pyroProgram, args: ["mcp", "serve"], env, cwd: join(scratch, "project") });
};

const exports = () => join(state, "exports");

mcpScenarios("the MCP server on virtual machines", () => ({ connect, seed, exports: exports() }));

describe("the MCP server on virtual machines", () => {
  it("runs one command in a machine that is thrown away", async () => {
    const { call, close } = await connect();
    const reply = await call("vm_run", { command: ["sh", "-c", "uname -s; exit 5"], timeout_seconds: 60 });
    expect(reply).toMatchObject({ isError: false, data: { exit_code: 5, stdout: "Linux\n" } });
    expect(reply.data["execution_mode"]).toMatch(/^guest_/);
    await close();
  });
});
