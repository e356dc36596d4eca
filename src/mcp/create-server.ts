/** The MCP server for programs: the same tools, over a transport of their own. */
import { checkedOptions, type ServerOptionsInput, serverOptions } from "../contract/server-options.ts";
import { type OwnParts, once, partsOf } from "./parts.ts";
import type { PyroMcpServer } from "./pyro-mcp-server.ts";

/** Makes a server. Throws `invalid_input` for options that cannot be. */
export function createServer(options: ServerOptionsInput = {}): PyroMcpServer {
  return serverOver(options);
}

/** The same over an engine of the caller's own. */
export function serverOver(options: ServerOptionsInput, own: OwnParts = {}): PyroMcpServer {
  const parts = partsOf(checkedOptions(serverOptions, options), own);
  const load = once(async () => (await import("./connections.ts")).connectionsOf(parts));
  return {
    tools: parts.tools.map(({ listing }) => listing),
    instructions: parts.instructions,
    connect: async (transport) => (await load()).connect(transport),
    fetch: async (request) => (await load()).fetch(request),
    close: async () => (await load()).close(),
  };
}
