/** The MCP server as a chat host starts it, and the official client connected to it. */
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { packageRoot } from "../src/platform/package-root.ts";

export type Call = (name: string, args: Record<string, unknown>) => Promise<Readonly<Record<string, unknown>>>;

/** Starts the server, hands a client over, and ends both. */
export async function withMcp<T>(use: (call: Call, client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ name: "bench", version: "1.0.0" });
  const args = ["mcp", "serve", "--no-project-source"];
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  await client.connect(
    new StdioClientTransport({ command: join(packageRoot(), "bin", "pyro"), args, env, stderr: "ignore" }),
  );
  const call: Call = async (name, given) => {
    const { structuredContent, isError } = await client.callTool({ name, arguments: given }, { timeout: 300_000 });
    const data = structuredContent as Readonly<Record<string, unknown>>;
    if (isError === true) throw new Error(`${name}: ${String(data["message"])}`);
    return data;
  };
  try {
    return await use(call, client);
  } finally {
    await client.close();
  }
}
