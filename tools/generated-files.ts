/** Every generated file and what it must contain; the generator writes them, a test checks them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { protocolExamplesFile, protocolSchemaFile } from "./protocol-files.ts";
import { cliReference } from "./reference/cli.ts";
import { environmentVariablesReference } from "./reference/environment-variables.ts";
import { errorsReference } from "./reference/errors.ts";
import { mcpReference } from "./reference/mcp.ts";
import { sdkReference } from "./reference/sdk.ts";

export interface GeneratedFile {
  /** Path from the root of the checkout */
  readonly path: string;
  readonly content: string;
}

/** All generated files, from the sources alone: the same sources give the same bytes. */
export function generatedFiles(): GeneratedFile[] {
  return [
    { path: "docs/reference/cli.md", content: cliReference() },
    { path: "docs/reference/environment-variables.md", content: environmentVariablesReference() },
    { path: "docs/reference/errors.md", content: errorsReference() },
    { path: "docs/reference/mcp.md", content: mcpReference() },
    { path: "docs/reference/sdk.md", content: sdkReference() },
    { path: "protocol/examples.json", content: protocolExamplesFile() },
    { path: "protocol/schema.json", content: protocolSchemaFile() },
  ];
}

/** Paths of those that are not on disk as they should be. */
export function staleFiles(root: string, files: readonly GeneratedFile[] = generatedFiles()): string[] {
  return files.filter(({ path, content }) => read(join(root, path)) !== content).map(({ path }) => path);
}

/** Writes what is stale and returns its paths. */
export function writeStaleFiles(root: string): string[] {
  const files = generatedFiles();
  const stale = staleFiles(root, files);
  for (const { path, content } of files) {
    if (!stale.includes(path)) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return stale;
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
