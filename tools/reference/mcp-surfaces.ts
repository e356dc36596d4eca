/** Every profile and mode of the MCP server, and what its list of tools costs a model. */
import {
  checkedOptions,
  modeNames,
  profileNames,
  type ServerOptions,
  serverOptions,
} from "../../src/contract/server-options.ts";
import type { SurfaceName } from "../../src/mcp/surfaces.ts";
import type { Tool } from "../../src/mcp/tool.ts";

export const surfaceNames: readonly SurfaceName[] = [...profileNames, ...modeNames];

const CHARS_PER_TOKEN = 4;

export function optionsOf(name: SurfaceName): ServerOptions {
  const mode = modeNames.find((one) => one === name);
  return checkedOptions(serverOptions, mode === undefined ? { profile: name } : { mode });
}

/** Tokens of the serialised list, by the rule of thumb of four characters each. */
export function tokensOf(tools: readonly Tool[]): number {
  return Math.ceil(JSON.stringify({ tools: tools.map(({ listing }) => listing) }).length / CHARS_PER_TOKEN);
}
