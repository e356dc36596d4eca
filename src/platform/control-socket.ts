/** Unix sockets by directory descriptor: the path that the kernel sees stays short, however deep the directory lies. */
import * as fs from "node:fs";
import { connect, createServer, type Server } from "node:net";
import type { Duplex } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { errnoOf, ioError } from "./files.ts";

/** Runs `action` with a path below an open directory; the name itself is not followed anywhere else. */
async function below<T>(directory: string, name: string, action: (path: string) => Promise<T>): Promise<T> {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (thrown) {
    throw ioError(thrown, "open", directory);
  }
  try {
    return await action(`/proc/self/fd/${fd}/${name}`);
  } finally {
    fs.closeSync(fd);
  }
}

/** Connects to the socket `name` in `directory`; undefined where nobody listens. */
export function connectTo(directory: string, name: string): Promise<Duplex | undefined> {
  return below(directory, name, (path) => {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(socket));
      socket.once("error", (error) => {
        if (["ENOENT", "ECONNREFUSED"].includes(errnoOf(error) ?? "")) resolve(undefined);
        else reject(ioError(error, "connect to", `${directory}/${name}`));
      });
    });
  });
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
  return below(directory, name, async (path) => {
    fs.rmSync(path, { force: true });
    const server = createServer(accept);
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(ioError(error, "listen on", `${directory}/${name}`)));
      server.listen(path, resolve);
    });
    fs.chmodSync(path, 0o600);
    return { close: () => new Promise((resolve) => void stop(server, directory, name, resolve)) };
  });
}

/** The name goes first, so that whoever comes now finds nobody. */
function stop(server: Server, directory: string, name: string, done: () => void): void {
  fs.rmSync(`${directory}/${name}`, { force: true });
  server.close(() => done());
}
