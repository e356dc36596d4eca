/** Stands before the MCP server for tools that cannot send a token: adds it, and leaves foreign hosts and origins as they are. */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

const [, , target = "", token = ""] = process.argv;
const { hostname, port, host } = new URL(target);

const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
  const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const swap = (value: string | undefined) =>
    value?.replace(own, host).replace(own.replace("127.0.0.1", "localhost"), host);
  const headers = { ...incoming.headers, host: swap(incoming.headers.host), authorization: `Bearer ${token}` };
  const origin = swap(incoming.headers.origin);
  const { method, url: path } = incoming;
  const onwards = request({
    hostname,
    port,
    path,
    method,
    setHost: false,
    headers: { ...headers, ...(origin && { origin }) },
  });
  onwards.on("response", (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  onwards.on("error", () => outgoing.destroy());
  outgoing.on("close", () => onwards.destroy());
  incoming.pipe(onwards);
});
server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp\n`);
});
