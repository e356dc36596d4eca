/** The tools of every profile and mode: which there are, what they cost a model in words, and that they keep to the rules. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { serverOptions } from "../../src/contract/server-options.ts";
import type { ServerFacts } from "../../src/mcp/descriptions.ts";
import { INSTRUCTIONS_CHARS, instructionsFor } from "../../src/mcp/instructions.ts";
import { modeTexts } from "../../src/mcp/mode-texts.ts";
import { subjects, surfaces } from "../../src/mcp/surfaces.ts";
import { toolsOf } from "../../src/mcp/tool.ts";
import { optionsOf, surfaceNames, tokensOf } from "../../tools/reference/mcp-surfaces.ts";
import { root } from "./sources.ts";

const BLESS = "npx vitest run --project contract -u";
const CORE_TOKENS = 6_000;

const facts: ServerFacts = {
  environment: "debian:12",
  roots: "/srv/user/project",
  export_root: "/srv/user/.local/share/pyro/exports",
  seed: "Without seed_path it begins with the checkout /srv/user/project (tracked files and those that Git does not ignore).",
};

const all = surfaceNames.map((name) => {
  const options = optionsOf(name);
  return { name, tools: toolsOf(options, facts), instructions: instructionsFor(options, facts) };
});
const named = (name: string) => all.find((surface) => surface.name === name)?.tools.map((tool) => tool.name) ?? [];
const tokens = (name: string) => tokensOf(all.find((surface) => surface.name === name)?.tools ?? []);

const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

it("the price of each list, as a golden file", async () => {
  const prices = all.map(({ name, tools, instructions }) => ({
    name,
    tokens: tokensOf(tools),
    instructions_chars: instructions.length,
    tools: tools.map((tool) => tool.name),
  }));
  await expect(json(prices), `differs; if that is meant, run: ${BLESS}`).toMatchFileSnapshot(
    join(root, "tests/contract/golden/mcp-surfaces.json"),
  );
});

it.each(["workspace-core", "workspace-full"])("the tools of %s, as a golden file", async (name) => {
  const listings = all.find((surface) => surface.name === name)?.tools.map(({ listing }) => listing);
  await expect(json(listings), `differs; if that is meant, run: ${BLESS}`).toMatchFileSnapshot(
    join(root, `tests/contract/golden/mcp-tools-${name}.json`),
  );
});

describe("the price", () => {
  it(`of workspace-core is at most ${CORE_TOKENS} tokens, and of every mode less`, () => {
    expect(tokens("workspace-core")).toBeLessThanOrEqual(CORE_TOKENS);
    for (const mode of ["repro-fix", "inspect", "cold-start", "review-eval"])
      expect([mode, tokens(mode) < tokens("workspace-core")]).toEqual([mode, true]);
  });
});

describe("the tools", () => {
  const core =
    "create list update status sync_push exec logs summary file_list file_read file_write patch_apply diff export reset delete wait";
  const always = "create list status logs delete";
  /** The words of the public contract. */
  const modes = {
    "repro-fix": "exec wait file_list file_read file_write patch_apply diff export reset summary sync_push update",
    inspect: "exec wait file_list file_read export summary",
    "cold-start":
      "exec wait file_list file_read export reset summary service_start service_list service_status service_logs service_stop",
    "review-eval":
      "exec wait file_list file_read shell_open shell_read shell_write shell_signal shell_close snapshot_create snapshot_list snapshot_delete diff export reset summary",
  };
  const full = (words: string) =>
    words.split(" ").map((word) => (/^(shell|service|snapshot)_/.test(word) ? word : `workspace_${word}`));

  it("of workspace-core are those of the contract", () => {
    expect([...named("workspace-core")].sort()).toEqual([...full(core), "vm_run"].sort());
  });

  it.each(Object.entries(modes))("of %s are those of the contract", (mode, words) => {
    expect([...named(mode)].sort()).toEqual(full(`${always} ${words}`).sort());
  });

  it("of workspace-full have all others, and every operation with a tool's name", () => {
    for (const { tools } of all) for (const { name } of tools) expect(named("workspace-full")).toContain(name);
  });

  it("are all built: no name of a table is without its operation and words", () => {
    for (const { name, tools } of all)
      expect([name, tools.map((tool) => tool.name)]).toEqual([name, surfaces[name].tools]);
    for (const [mode, texts] of Object.entries(modeTexts))
      expect(named(mode)).toEqual(expect.arrayContaining(Object.keys(texts)));
  });

  it("are named as every host takes them", () => {
    for (const name of named("workspace-full")) expect(name).toMatch(/^[a-z][a-z_]{2,39}$/);
  });
});

describe.each(all)("$name", ({ name, tools, instructions }) => {
  it("says in sentences what each tool is for, within what hosts pass on", () => {
    for (const { listing } of tools) {
      expect(listing.description).toMatch(/^[A-Z].*\.$/);
      expect(listing.description.length).toBeLessThan(1_000);
      expect(listing.title).toMatch(/^[A-Z][^.]*[^.]$/);
    }
    expect(instructions.length).toBeLessThanOrEqual(INSTRUCTIONS_CHARS);
    expect(instructions.slice(0, 500)).toContain(name === "vm-run" ? "vm_run" : "workspace_create");
  });

  it("names only tools that it has", () => {
    const known = new Set(tools.map((tool) => tool.name));
    const texts = tools.flatMap(({ listing }) => JSON.stringify(listing));
    const words = [...texts, instructions].flatMap(
      (text) => text.match(/\b(?:workspace|shell|service|snapshot|vm)_[a-z_]+\b/g) ?? [],
    );
    const fields = new Set([
      "workspace_id",
      "workspaces",
      "shell_id",
      "service_name",
      "snapshot_name",
      "workspace_seed",
    ]);
    const counts = /_count$/;
    const missing = words.filter(
      (word) => !known.has(word) && !fields.has(word) && !counts.test(word) && word !== "vm_id",
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  it("shows no field of what it leaves out, neither in inputs nor in outputs", () => {
    const hidden = surfaces[name].leaves_out.flatMap((subject) => [...subjects[subject]]);
    for (const { listing } of tools)
      for (const schema of [listing.inputSchema, listing.outputSchema])
        expect(Object.keys(schema.properties).filter((field) => hidden.some((left) => left === field))).toEqual([]);
    for (const { listing } of tools) expect(listing.inputSchema.properties).not.toHaveProperty("allow_host_compat");
  });

  it("tells the truth about what a tool does beyond its sandbox", () => {
    const hasNetwork = !surfaces[name].leaves_out.includes("network");
    for (const { name: tool, op, listing } of tools) {
      const { readOnlyHint, destructiveHint, openWorldHint } = listing.annotations;
      expect([tool, readOnlyHint]).toEqual([tool, op.effect === "read"]);
      expect([tool, destructiveHint === true]).toEqual([
        tool,
        ["workspace_export", "workspace_disk_export"].includes(tool),
      ]);
      const reaches = ["workspace_create", "workspace_exec", "vm_run", "service_start", "shell_open", "shell_write"];
      expect([tool, openWorldHint]).toEqual([tool, hasNetwork && reaches.includes(tool)]);
    }
  });
});

it("options that are not given are those of workspace-core", () => {
  expect(toolsOf(serverOptions.parse({}), facts).map(({ name }) => name)).toEqual(named("workspace-core"));
});
