/** Unix sockets by directory descriptor: the path that the kernel sees stays short, however deep the directory lies. */
import * as fs from "node:fs";
import { connect, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { errnoOf, ioError } from "./files.ts";

/** Opens a directory that paths of the form `/proc/self/fd/N/NAME` go through; the name itself is not followed anywhere else. */
function openDirectory(directory: string): number {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  return fs.openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Connects to the socket `name` in `directory`; undefined where nobody listens, or there is no such directory. */
export async function connectTo(directory: string, name: string): Promise<Duplex | undefined> {
  let fd: number;
  try {
    fd = openDirectory(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw ioError(thrown, "open", directory);
  }
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect(`/proc/self/fd/${fd}/${name}`, () => resolve(socket));
      socket.once("error", (error) => {
        if (["ENOENT", "ECONNREFUSED"].includes(errnoOf(error) ?? "")) resolve(undefined);
        else reject(ioError(error, "connect to", `${directory}/${name}`));
      });
    });
  } finally {
    fs.closeSync(fd);
  }
}

/** A socket that is listened on. */
export interface Listening {
  /** Takes no more connections and removes the name; those that are open go on. */
  close(): Promise<void>;
}

/** Listens on a new socket `name` in `directory`, for its owner alone; one that nobody listens on is replaced. */
export async function listenOn(directory: string, name: string, accept: (stream: Duplex) => void): Promise<Listening> {
  const other = await connectTo(directory, name);
  if (other !== undefined) {
    other.destroy();
    throw new PyroError("host_io_failed", `Another process listens on "${directory}/${name}"`);
  }
  // Open as long as the server is: Node removes the path at its end, whatever directory has the number by then.
  let fd: number;
  try {
    fd = openDirectory(directory);
  } catch (thrown) {
    throw ioError(thrown, "open", directory);
  }
  const path = `/proc/self/fd/${fd}/${name}`;
  try {
    fs.rmSync(path, { force: true });
    const server = createServer(accept);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(ioError(error, "listen on", `${directory}/${name}`)));
      server.listen(path, resolve);
    });
    fs.chmodSync(path, 0o600);
    return { close: () => stopped(server, path).finally(() => fs.closeSync(fd)) };
  } catch (thrown) {
    fs.closeSync(fd);
    throw thrown;
  }
}

/** The name goes first, so that whoever comes now finds nobody. */
function stopped(server: Server, path: string): Promise<void> {
  fs.rmSync(path, { force: true });
  return new Promise((resolve) => void server.close(() => resolve()));
}
