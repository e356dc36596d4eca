/** TCP ports of this machine, in tests. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A port that nobody listens on at this moment; on a fake machine the guest's ports are this machine's. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A connection, open at both ends until it is ended; one that was broken off at once is over. */
export async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  await Promise.race([new Promise<void>((resolve) => void socket.once("connect", resolve)), over(socket)]);
  return socket;
}

/** Resolves when the other end has closed a connection or broken it off. */
export function over(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed || socket.readableEnded) resolve();
    for (const event of ["end", "error", "close"] as const) socket.once(event, () => resolve());
  });
}

/** The first bytes that come, nothing where there are none. */
export function firstBytes(socket: Socket): Promise<string> {
  return Promise.race([
    new Promise<string>((resolve) => void socket.once("data", (data) => resolve(String(data)))),
    over(socket).then(() => ""),
  ]);
}

/** Addresses on which this machine listens at a port, as the kernel writes them. */
export function listenersAt(port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    readFileSync(table, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([, local, , state]) => (local?.endsWith(ending) === true && state === "0A" ? [local] : [])),
  );
}
