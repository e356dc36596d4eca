/** TCP ports of this machine's loopback: listened on, and whose they are. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { errnoOf, ioError } from "./files.ts";

/** The one address that is listened on: no other machine reaches it. */
export const LOOPBACK = "127.0.0.1";

/** A port that is listened on. */
export interface ListeningPort {
  readonly port: number;
  /** Takes no more connections; those that are open go on */
  close(): void;
}

/** Listens on a port of the loopback, on one that the kernel chooses where it is 0; undefined where somebody else does. */
export async function listenOnPort(port: number, accept: (socket: Socket) => void): Promise<ListeningPort | undefined> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: LOOPBACK, exclusive: true }, resolve);
    });
  } catch (thrown) {
    if (errnoOf(thrown) === "EADDRINUSE") return undefined;
    throw ioError(thrown, "listen on", `${LOOPBACK}:${port}`);
  }
  // What a connection fails of before it is accepted is its client's to know.
  server.on("error", () => {});
  return { port: portOf(server, port), close: () => void server.close() };
}

function portOf(server: Server, asked: number): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : asked;
}

/** A process, as far as this user may see it. */
export interface PortHolder {
  readonly pid: number;
  readonly name: string;
}

const LISTENS = "0A";

/** The process that listens on a port of this machine; undefined where that is not to be seen. */
export function holderOfPort(port: number): PortHolder | undefined {
  const inodes = new Set(["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeners(table, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of names("/proc").filter((name) => /^\d+$/.test(name)))
    for (const fd of names(`/proc/${pid}/fd`))
      if (inodes.has(inodeOf(`/proc/${pid}/fd/${fd}`)))
        return { pid: Number(pid), name: text(`/proc/${pid}/comm`).trim() };
  return undefined;
}

/** Socket inodes that listen on a port, in one of the kernel's tables. */
function listeners(table: string, port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = text(table)
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  return rows.flatMap(([, local, , state, , , , , , inode]) =>
    local?.endsWith(ending) === true && state === LISTENS && inode !== undefined ? [inode] : [],
  );
}

function inodeOf(link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? "";
  } catch {
    return "";
  }
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
