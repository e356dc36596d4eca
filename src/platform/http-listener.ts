/** An HTTP server whose requests and responses are the web's own, with the headers of a request as they came. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { errnoOf } from "./files.ts";

export interface HttpRequest {
  readonly request: Request;
  /** Headers as Node has them: `host` is there only where the client sent it */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface HttpListener {
  readonly port: number;
  /** Takes no more requests and ends those that go on */
  close(): Promise<void>;
}

/** Listens; `respond` never throws. Throws `port_taken`, `port_refused` or `host_io_failed`. */
export async function listenForHttp(
  place: { readonly host: string; readonly port: number },
  respond: (asked: HttpRequest) => Promise<Response>,
): Promise<HttpListener> {
  const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
    answer(incoming, outgoing, respond).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, place)));
    server.listen(place.port, place.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  respond: (asked: HttpRequest) => Promise<Response>,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  outgoing.on("error", () => gone.abort());
  const response = await respond({ request: requestOf(incoming, gone.signal), headers: incoming.headers });
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.flushHeaders();
  if (response.body === null) return void outgoing.end();
  const reader = response.body.getReader();
  gone.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  for (let part = await reader.read(); !part.done; part = await reader.read()) await written(outgoing, part.value);
  outgoing.end();
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/", headers } = incoming;
  const pairs = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, [value].flat().join(", ")]],
  );
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" as const } : {};
  // Only its path is looked at; who was asked stands in the headers.
  return new Request(new URL(url, "http://localhost"), { method, headers: pairs, signal, ...body });
}

function written(outgoing: ServerResponse, part: Uint8Array): Promise<void> {
  if (outgoing.destroyed || outgoing.write(part)) return Promise.resolve();
  return new Promise((resolve) => {
    outgoing.once("drain", resolve);
    outgoing.once("close", resolve);
  });
}

function listenError(error: Error, { host, port }: { host: string; port: number }): PyroError {
  const code = errnoOf(error);
  if (code === "EADDRINUSE")
    return new PyroError("port_taken", `Port ${port} of ${host} is in use`, {
      hint: "Give another port",
      cause: error,
    });
  if (code === "EACCES")
    return new PyroError("port_refused", `Port ${port} of ${host} may not be listened on`, { cause: error });
  return new PyroError("host_io_failed", `${host}:${port} cannot be listened on: ${code ?? error.message}`, {
    cause: error,
  });
}
