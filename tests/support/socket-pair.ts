/** Two ends of one Unix stream in this process. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const open: Socket[] = [];

/** A connected pair; nothing of it has a name. The first end goes on writing when the other one has ended where it `allowHalfOpen`. */
export async function socketPair(allowHalfOpen = false): Promise<readonly [Socket, Socket]> {
  const directory = mkdtempSync(join(tmpdir(), "pyro-pair-"));
  const server = createServer().listen(join(directory, "socket"));
  await once(server, "listening");
  const near = connect({ path: join(directory, "socket"), allowHalfOpen });
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  rmSync(directory, { recursive: true });
  for (const end of [near, far]) end.on("error", () => {});
  open.push(near, far);
  return [near, far];
}

/** Ends every pair; for `afterEach`. */
export function closePairs(): void {
  for (const end of open.splice(0)) end.destroy();
}
