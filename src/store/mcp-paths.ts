/** Names of what the MCP server keeps beside workspaces. */
import { join } from "node:path";
import type { StatePaths } from "./paths.ts";

export interface McpPaths {
  /** Where exports go that a tool asked for */
  readonly exports: string;
  /** What a client over HTTP has to know */
  readonly token: string;
}

export function mcpPaths({ data }: StatePaths): McpPaths {
  return { exports: join(data, "exports"), token: join(data, "mcp-token") };
}
