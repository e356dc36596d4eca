/** A server for Streamable HTTP, on this machine alone unless a host is named. */
import { randomBytes } from "node:crypto";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { PyroError } from "../contract/errors.ts";
import { atomicWrite, makePrivateDirectory, openReadOnly } from "../platform/files.ts";
import { type HttpRequest, listenForHttp } from "../platform/http-listener.ts";
import { isPrivate } from "../platform/named-files.ts";
import { mcpPaths } from "../store/mcp-paths.ts";
import { type StatePaths, statePaths } from "../store/paths.ts";
import { type Guarded, refusalOf } from "./http-guard.ts";
import { note } from "./notes.ts";
import { newServer } from "./server.ts";
import type { ServerParts } from "./server-parts.ts";
import { MAX_LINE_BYTES, settled } from "./stdio.ts";

export const MCP_PATH = "/mcp";
const LOOPBACK = "127.0.0.1";
const MIN_TOKEN_CHARS = 16;
const TOKEN_BYTES = 32;
const MAX_TOKEN_BYTES = 4_096;
/** Addresses that stand for every address: no Host header could be told from a stranger's. */
const everywhere: ReadonlySet<string> = new Set(["0.0.0.0", "::", "[::]", "*"]);

/** Listens until a signal comes. */
export async function serveOverHttp(parts: ServerParts, place: string, stop: AbortSignal): Promise<void> {
  const { host, port } = placeOf(place);
  const { token, told } = tokenFor(process.env);
  const handler = createMcpHandler(() => newServer(parts), {
    maxRequestBodySize: MAX_LINE_BYTES,
    onerror: ({ message }) => note(message.replaceAll(/\s+/g, " ").slice(0, 300)),
  });
  let guarded: Guarded | undefined;
  const respond = async ({ request, headers }: HttpRequest): Promise<Response> => {
    const refusal = guarded === undefined ? notYet : refusalOf(headers, guarded);
    if (refusal !== undefined) return refused(refusal);
    if (new URL(request.url).pathname !== MCP_PATH) return new Response(null, { status: 404 });
    return handler.fetch(request);
  };
  const listener = await listenForHttp({ host: host.replace(/^\[|\]$/g, ""), port }, respond);
  guarded = { hosts: host === LOOPBACK ? [LOOPBACK, "localhost"] : [host.toLowerCase()], port: listener.port, token };
  note(`http://${host}:${listener.port}${MCP_PATH} with the bearer token ${told}`);
  if (!stop.aborted)
    await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
  await Promise.all([handler.close(), listener.close()]);
  await settled(parts.pending);
}

const notYet = { status: 403, reason: "The server is not ready" } as const;

function refused({ status, reason }: { readonly status: 401 | 403; readonly reason: string }): Response {
  const body = JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32000, message: reason } });
  const challenge = status === 401 ? { "WWW-Authenticate": "Bearer" } : {};
  return new Response(body, { status, headers: { "Content-Type": "application/json", ...challenge } });
}

/** Where to listen. Throws `invalid_input`. */
export function placeOf(place: string): { readonly host: string; readonly port: number } {
  const at = place.lastIndexOf(":");
  const host = at < 0 ? LOOPBACK : place.slice(0, at);
  const port = Number(place.slice(at + 1));
  if (!Number.isInteger(port) || port > 65_535)
    throw new PyroError("invalid_input", `"${place}" has no port from 0 to 65535`, {
      hint: "pyro mcp serve --http 8765",
    });
  if (everywhere.has(host))
    throw new PyroError(
      "invalid_input",
      `"${host}" stands for every address, so that no request could be told from a stranger's`,
      {
        hint: "Name the one address or name that clients use",
      },
    );
  return { host: host === "localhost" ? LOOPBACK : host, port };
}

/** The token, and where a person finds it: given, or kept in a file of this user's alone. */
function tokenFor(env: NodeJS.ProcessEnv): { readonly token: string; readonly told: string } {
  const given = env["PYRO_MCP_TOKEN"];
  if (given !== undefined && given !== "") {
    if (given.length >= MIN_TOKEN_CHARS && /^[\x21-\x7e]+$/.test(given))
      return { token: given, told: "of PYRO_MCP_TOKEN" };
    throw new PyroError("invalid_input", `PYRO_MCP_TOKEN needs ${MIN_TOKEN_CHARS} or more printable characters`, {
      hint: "export PYRO_MCP_TOKEN=$(openssl rand -hex 32)",
    });
  }
  const paths = statePaths(env);
  const path = mcpPaths(paths).token;
  makePrivateDirectory(paths.data, paths.uid);
  const kept = keptToken(paths);
  if (kept !== undefined) return { token: kept, told: `in ${path}` };
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  atomicWrite(path, `${token}\n`);
  return { token, told: `in ${path}` };
}

/** The token of an earlier start; one that others may have read or written is none. */
function keptToken(paths: StatePaths): string | undefined {
  const file = openReadOnly(mcpPaths(paths).token);
  if (file === undefined) return undefined;
  try {
    if (!isPrivate(file, paths.uid) || file.size() > MAX_TOKEN_BYTES) return undefined;
    const token = file.readAll().toString("utf8").trim();
    return token.length >= MIN_TOKEN_CHARS && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } finally {
    file.close();
  }
}
