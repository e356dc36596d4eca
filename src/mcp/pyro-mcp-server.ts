/** The MCP server as programs have it, in types of our own. */
import type { ToolListing } from "./tool.ts";

/** What the server needs of a transport; those of the MCP SDK have it. */
export interface McpTransport {
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  close(): Promise<void>;
}

export interface PyroMcpServer {
  /** What `tools/list` says */
  readonly tools: readonly ToolListing[];
  /** What a host tells its model before any tool is called */
  readonly instructions: string;
  /** Serves one client on a transport until it closes; resolves once it is served */
  connect(transport: McpTransport): Promise<void>;
  /** Answers one request of Streamable HTTP. It has no guard: put one before it that knows who may ask */
  fetch(request: Request): Promise<Response>;
  /** Ends all connections and cancels what they asked for; workspaces live on */
  close(): Promise<void>;
}

/** What of it needs connections. */
export type Connections = Pick<PyroMcpServer, "connect" | "fetch" | "close">;
