/** The official MCP client, connected to a server of ours in each way that there is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import type { ToolReply } from "../../src/mcp/failure.ts";

/** How a client finds out which revision is spoken: chat hosts differ in it. */
export const clientModes = ["legacy", "auto", "modern"] as const;
export type ClientMode = (typeof clientModes)[number];

const MODERN = "2026-07-28";

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Called {
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly isError: boolean;
}

export interface Connected {
  readonly client: Client;
  call(name: string, args?: Record<string, unknown>, options?: Parameters<Client["callTool"]>[1]): Promise<Called>;
  close(): Promise<void>;
}

function newClient(mode: ClientMode): Client {
  const negotiation = mode === "modern" ? { pin: MODERN } : mode;
  return new Client({ name: "test", version: "1.0.0" }, { versionNegotiation: { mode: negotiation } });
}

/** Starts the server as a host does, and connects on its standard input and output. */
export async function overStdio(server: ServerCommand, mode: ClientMode = "auto"): Promise<Connected> {
  const client = newClient(mode);
  const { command, args, env, cwd } = server;
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...env },
    stderr: "ignore",
    ...(cwd && { cwd }),
  });
  await client.connect(transport);
  return connected(client);
}

/** Connects to a server that listens. */
export async function overHttp(url: string, token: string, mode: ClientMode = "auto"): Promise<Connected> {
  const client = newClient(mode);
  const requestInit = { headers: { Authorization: `Bearer ${token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return connected(client);
}

function connected(client: Client): Connected {
  return {
    client,
    call: async (name, args = {}, options = {}) => {
      const reply = await client.callTool({ name, arguments: args }, options);
      const [first] = reply.content;
      const text = first?.type === "text" ? first.text : "";
      const data = reply.structuredContent as ToolReply["structuredContent"];
      return { text, data, isError: reply.isError === true };
    },
    close: () => client.close(),
  };
}

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** What it said on its standard error */
  said(): string;
  close(): Promise<void>;
}

/** Starts a server that listens, and waits until it says where. */
export async function startHttp({ command, args, env, cwd }: ServerCommand): Promise<HttpServer> {
  const child = spawn(command, [...args], { env, stdio: ["ignore", "pipe", "pipe"], ...(cwd && { cwd }) });
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (data: Buffer) => {
      said += data.toString();
      const [found] = /http:\/\/\S+/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  const close = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  };
  return { url, port: Number(new URL(url).port), child, said: () => said, close };
}
