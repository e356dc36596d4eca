/** The MCP SDK's server over pyro's tools: one instance for each connection, all alike. */
import {
  ProtocolError,
  ProtocolErrorCode,
  type Tool as SdkTool,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Emit } from "../contract/progress.ts";
import { version } from "../version.ts";
import { callTool } from "./call.ts";
import type { ToolReply } from "./failure.ts";
import { Progress } from "./progress.ts";
import type { ServerParts } from "./server-parts.ts";
import type { Tool } from "./tool.ts";

const LIST_TTL_MS = 3_600_000;

/** A new instance. */
export function newServer(parts: ServerParts): Server {
  const cache = { ttlMs: LIST_TTL_MS, cacheScope: "private" } as const;
  const server = new Server(
    { name: "pyro", title: "pyro", version },
    { instructions: parts.instructions, capabilities: { tools: {} }, cacheHints: { "tools/list": cache } },
  );
  const tools: SdkTool[] = parts.tools.map(({ listing }) => JSON.parse(JSON.stringify(listing)));
  const byName = new Map(parts.tools.map((tool) => [tool.name, tool]));
  server.setRequestHandler("tools/list", () => ({ tools }));
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const tool = byName.get(params.name);
    if (tool === undefined)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name.slice(0, 128)}`);
    return asSdkResult(await counted(parts.pending, called(tool, params.arguments ?? {}, parts, context)));
  });
  return server;
}

async function called(
  tool: Tool,
  args: Readonly<Record<string, unknown>>,
  parts: ServerParts,
  { mcpReq }: ServerContext,
): Promise<ToolReply> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return callTool(tool, args, parts, { signal: mcpReq.signal, emit: silent });
  const progress = new Progress((told) => {
    const note = { method: "notifications/progress" as const, params: { progressToken, ...told } };
    // A client that is gone is told nothing.
    if (!mcpReq.signal.aborted) mcpReq.notify(note).catch(() => {});
  }, parts.progress_ms);
  try {
    return await callTool(tool, args, parts, { signal: mcpReq.signal, emit: progress.emit });
  } finally {
    progress.end();
  }
}

const silent: Emit = () => {};

function asSdkResult({ content, ...rest }: ToolReply) {
  return { content: [...content], ...rest };
}

/** The same promise, known as pending until it is settled. */
function counted<T>(pending: Set<Promise<unknown>>, call: Promise<T>): Promise<T> {
  pending.add(call);
  void call.finally(() => pending.delete(call));
  return call;
}
