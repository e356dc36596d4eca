/** `docs/reference/mcp.md`: every tool with what a model is told of it, and which profile and mode has it. */

import type { Annotations } from "../../src/mcp/annotations.ts";
import type { ServerFacts } from "../../src/mcp/descriptions.ts";
import { type Tool, toolsOf } from "../../src/mcp/tool.ts";
import { code, page, table } from "./markdown.ts";
import { optionsOf, surfaceNames, tokensOf } from "./mcp-surfaces.ts";

const facts: ServerFacts = {
  environment: "debian:12",
  roots: "PROJECT",
  export_root: "EXPORTS",
  seed: "Without seed_path it begins as the project source says.",
};

const introduction = `Tools of \`pyro mcp serve\`, by [profile and mode](../design/mcp.md). \`PROJECT\` and \`EXPORTS\` stand for what a server was started with. Fields are those of the
[command line](cli.md) and the [SDK](sdk.md); descriptions are the ones that models read. Every answer has the same facts as data and as text.`;

export function mcpReference(): string {
  const surfaces = surfaceNames.map((name) => ({ name, tools: toolsOf(optionsOf(name), facts) }));
  const full = surfaces.find(({ name }) => name === "workspace-full")?.tools ?? [];
  const prices = surfaces.map(({ name, tools }) => [code(name), String(tools.length), String(tokensOf(tools))]);
  const has = (tool: Tool) => surfaces.filter(({ tools }) => tools.some(({ name }) => name === tool.name));
  return page("src/mcp", [
    "# MCP tools",
    introduction,
    table(["Profile or mode", "Tools", "Tokens of the list"], prices),
    ...full.flatMap((tool) =>
      section(
        tool,
        has(tool).map(({ name }) => name),
      ),
    ),
  ]);
}

function section({ name, listing, defaults }: Tool, surfaces: readonly string[]): string[] {
  const required = new Set(listing.inputSchema.required);
  const rows = Object.entries(listing.inputSchema.properties).map(([field, schema]) => [
    code(field),
    String(schema["type"] ?? "any value"),
    presetOf(schema["default"] ?? defaults[field], required.has(field)),
    String(schema["description"] ?? ""),
  ]);
  return [
    `## ${code(name)}`,
    `${listing.description}`,
    `In ${surfaces.map(code).join(", ")}. ${hints(listing.annotations)}`,
    table(["Field", "Type", "Default", "Meaning"], rows),
    `Answers with ${Object.keys(listing.outputSchema.properties).map(code).join(", ")}.`,
  ];
}

function presetOf(preset: unknown, isRequired: boolean): string {
  if (preset !== undefined) return code(JSON.stringify(preset));
  return isRequired ? "required" : "none";
}

function hints({ readOnlyHint, destructiveHint, idempotentHint, openWorldHint }: Annotations): string {
  const words = [
    readOnlyHint ? "reads only" : "changes the sandbox",
    ...(destructiveHint === true ? ["writes to this machine"] : []),
    ...(idempotentHint === true ? ["idempotent"] : []),
    ...(openWorldHint ? ["may reach the network where the profile has it"] : []),
  ];
  return `${words.join(", ").replace(/^./, (first) => first.toUpperCase())}.`;
}
