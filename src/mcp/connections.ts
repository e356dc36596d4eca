/** Connections of a server that a program has made. */
import { createMcpHandler, type Transport } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Connections } from "./pyro-mcp-server.ts";
import { newServer } from "./server.ts";
import type { ServerParts } from "./server-parts.ts";
import { settled } from "./stdio.ts";

export function connectionsOf(parts: ServerParts): Connections {
  const open = new Set<{ close(): Promise<void> }>();
  const handler = createMcpHandler(() => newServer(parts));
  return {
    // The SDK's entry for stdio serves any transport, and every revision on it.
    connect: async (transport) => {
      open.add(serveStdio(() => newServer(parts), { transport: transport as Transport }));
    },
    fetch: (request) => handler.fetch(request),
    close: async () => {
      await Promise.all([...[...open].map((each) => each.close()), handler.close()]);
      open.clear();
      await settled(parts.pending);
    },
  };
}
