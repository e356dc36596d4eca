/** What a tool call may reach of this machine: what a person permitted when the server was started, and no more. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMcp, openFakeMcp } from "../support/fake-mcp.ts";
import type { Connected } from "../support/mcp.ts";

let fake: FakeMcp;
let session: Connected;
let outside = "";
const workspace_id = "borders";

beforeAll(async () => {
  fake = await openFakeMcp();
  outside = join(fake.host.store.paths.data, "private");
  for (const path of [outside, join(fake.room, "project"), `${fake.room}-evil`]) mkdirSync(path);
  writeFileSync(join(outside, "id_ed25519"), "private key");
  writeFileSync(join(fake.room, "project", "main.py"), "print(1)\n");
  symlinkSync(outside, join(fake.room, "link"));
  session = await fake.connect();
  await session.call("workspace_create", { name: workspace_id });
});
afterAll(async () => {
  await session.close();
  fake.close();
});

const refused = { isError: true, data: { code: "needs_human" } };

describe("files are taken", () => {
  it("from below the project, by any name of theirs", async () => {
    for (const seed_path of ["project", "./project/../project", join(fake.room, "project")]) {
      const { data } = await session.call("workspace_create", { seed_path });
      expect(data).toMatchObject({ workspace_seed: { entry_count: 1 } });
      await session.call("workspace_delete", { workspace_id: data["workspace_id"] });
    }
    expect(await session.call("workspace_sync_push", { workspace_id, source: "project" })).toMatchObject({
      isError: false,
      data: { entry_count: 1 },
    });
  });

  it("from nowhere else", async () => {
    const paths = [
      "/",
      "..",
      "/etc",
      outside,
      "link",
      "project/../..",
      `${fake.room}-evil`,
      "/proc/self/root",
      "/root/.ssh/..",
    ];
    for (const seed_path of paths) {
      const reply = await session.call("workspace_create", { seed_path });
      expect([seed_path, reply.isError]).toEqual([seed_path, true]);
      expect(["needs_human", "seed_not_found"]).toContain(reply.data["code"]);
    }
    expect(await session.call("workspace_create", { seed_path: outside })).toMatchObject(refused);
    expect(await session.call("workspace_create", { seed_path: "link" })).toMatchObject(refused);
    expect(await session.call("workspace_create", { seed_path: `${fake.room}-evil` })).toMatchObject(refused);
    expect(await session.call("workspace_sync_push", { workspace_id, source: outside })).toMatchObject(refused);
    const { text } = await session.call("workspace_create", { seed_path: outside });
    expect(text).toContain("pyro mcp serve --allow-path");
    expect(text).toContain(fake.room);
  });

  it("from what a person allowed, and from no project where that is off", async () => {
    const allowing = await fake.connect(["--allow-path", outside, "--no-project-source"]);
    const { data } = await allowing.call("workspace_create", { seed_path: outside });
    expect(data).toMatchObject({ workspace_seed: { entry_count: 1 } });
    expect(await allowing.call("workspace_create", { seed_path: "project" })).toMatchObject(refused);
    await allowing.call("workspace_delete", { workspace_id: data["workspace_id"] });
    await allowing.close();
  });

  it("not for secrets either", async () => {
    const full = await fake.connect(["--profile", "workspace-full"]);
    const secret_file = { KEY: join(outside, "id_ed25519") };
    expect(await full.call("workspace_create", { secret_file })).toMatchObject(refused);
    await full.close();
  });

  it("not where the working directory is the user's home", async () => {
    const home = await fake.connect([], "auto", { HOME: fake.room });
    expect(await home.call("workspace_create", { seed_path: "project" })).toMatchObject(refused);
    await home.close();
  });
});

describe("exports go", () => {
  it("to the export directory, whose path the tool names", async () => {
    const { tools } = await session.client.listTools();
    expect(tools.find(({ name }) => name === "workspace_export")?.description).toContain(fake.exports);
    const reply = await session.call("workspace_export", { workspace_id, path: ".", output: "a/b" });
    expect(reply).toMatchObject({ isError: false, data: { output: join(fake.exports, "a/b") } });
  });

  it("nowhere else", async () => {
    mkdirSync(fake.exports, { recursive: true });
    symlinkSync(outside, join(fake.exports, "way-out"));
    const outputs = [
      "..",
      "../x",
      "/tmp/pyro-mcp-x",
      join(outside, "x"),
      ".",
      "",
      "way-out/x",
      "way-out/new/x",
      `${fake.exports}-evil/x`,
    ];
    for (const output of outputs) {
      const reply = await session.call("workspace_export", { workspace_id, path: ".", output });
      expect([output, reply.isError]).toEqual([output, true]);
      expect(["needs_human", "invalid_input"]).toContain(reply.data["code"]);
    }
    expect(readdirSync(outside)).toEqual(["id_ed25519"]);
    expect(existsSync("/tmp/pyro-mcp-x")).toBe(false);
    expect(existsSync(`${fake.exports}-evil`)).toBe(false);
  });

  it("to another directory that a person named", async () => {
    const own = await fake.connect(["--export-root", join(fake.room, "out")]);
    const reply = await own.call("workspace_export", { workspace_id, path: ".", output: "x" });
    expect(reply.data).toMatchObject({ output: join(fake.room, "out", "x") });
    await own.close();
  });
});

describe("a call that asks for more than the profile has", () => {
  it.each([
    ["workspace_create", { network_policy: "egress" }],
    ["workspace_create", { allow_egress: ["example.com"] }],
    ["workspace_create", { repo_url: "https://example.com/x" }],
    ["workspace_create", { allow_private_repo: true }],
    ["workspace_create", { secret: { KEY: "value" } }],
    ["workspace_create", { secret_file: { KEY: "/etc/passwd" } }],
    ["workspace_create", { allow_host_compat: true }],
    ["workspace_exec", { workspace_id, command: ["true"], secret_env: { KEY: "KEY" } }],
    ["workspace_reset", { workspace_id, snapshot: "other" }],
    ["vm_run", { command: ["true"], network: true }],
    ["vm_run", { command: ["true"], allow_host_compat: true }],
  ])("is refused: %s with %j", async (tool, args) => {
    const reply = await session.call(tool, args);
    expect(reply).toMatchObject(refused);
    expect(reply.data["hint"]).toMatch(
      /^Ask the person to start it as: pyro mcp serve --(profile|allow-host-compat|allow-private-repo)/,
    );
    expect(JSON.stringify(reply.data)).not.toContain("value");
  });

  it("has the host's own kernel only where a person permitted it", async () => {
    const full = await fake.connect(["--profile", "workspace-full"]);
    expect(await full.call("vm_run", { command: ["true"], allow_host_compat: true })).toMatchObject(refused);
    await full.close();
    const permitting = await fake.connect(["--allow-host-compat"]);
    const { tools } = await permitting.client.listTools();
    const run = tools.find(({ name }) => name === "vm_run");
    expect(run?.inputSchema.properties).toHaveProperty("allow_host_compat");
    await permitting.close();
  });

  it("cannot choose profile or mode by a file of the project", async () => {
    for (const name of [".pyro.json", "pyro.toml", ".env"])
      writeFileSync(join(fake.room, name), '{"profile":"workspace-full","environment":"evil"}\nPYRO_HOME=/tmp/evil\n');
    const own = await fake.connect();
    const { tools } = await own.client.listTools();
    const listed = await session.client.listTools();
    expect(tools).toEqual(listed.tools);
    await own.close();
  });
});

describe("a service", () => {
  it("takes readiness and ports with their parts, and not under a second name", async () => {
    const full = await fake.connect(["--profile", "workspace-full"]);
    const start = (more: Record<string, unknown>) =>
      full.call("service_start", {
        workspace_id,
        service_name: "s",
        command: ["sh", "-c", "touch up; exec sleep 60"],
        ...more,
      });
    const readiness = { type: "file", path: "up" };
    expect(await start({ readiness })).toMatchObject({ isError: false, data: { state: "running" } });
    await full.call("service_stop", { workspace_id, service_name: "s" });
    for (const more of [
      { ready_file: "up" },
      { publish: ["8000"] },
      { readiness: { type: "file" } },
      { readiness: { type: "tcp", path: "up" } },
      { readiness: "file" },
      { published_ports: [8000] },
    ])
      expect(await start(more)).toMatchObject({ isError: true, data: { code: "invalid_input" } });
    expect(await start({ published_ports: [{ guest_port: 8000 }] })).toMatchObject({
      isError: true,
      data: { code: "ports_not_allowed" },
    });
    await full.close();
  });
});
