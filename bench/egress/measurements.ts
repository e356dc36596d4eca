/** What is measured through pyro's gate and through QEMU's own user network alike: one program in the guest, one server on this host. */
import { type ChildProcess, spawn } from "node:child_process";
import { z } from "zod";

/** One download, and each of those at once. */
const DOWNLOAD_BYTES = 64 * 1_048_576;
const PARALLEL = 32;
const PARALLEL_BYTES = 4 * 1_048_576;
const ROUNDS = 5;
const CONNECTS = 40;

/** Sends back a byte, or as many bytes as nine digits say. */
const SERVER = `
const block = Buffer.alloc(1 << 18, 120);
const server = require("node:net").createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.once("data", (asked) => {
    if (asked.length < 9) return void socket.end("p");
    let left = Number(asked.toString("latin1", 0, 9));
    const send = () => {
      while (left > 0) {
        const part = block.subarray(0, Math.min(left, block.length));
        left -= part.length;
        if (!socket.write(part)) return void socket.once("drain", send);
      }
      socket.end();
    };
    send();
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(String(server.address().port) + "\\n"));
process.stdin.resume().on("end", () => process.exit(0));
`;

/** Prints a line of JSON: seconds of connects with their first answer, and of downloads. */
export const PROGRAM = `
import json, selectors, socket, sys, time
place = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), socket.AF_INET, socket.SOCK_STREAM)[0][4]
def connect():
    begun = time.perf_counter()
    s = socket.create_connection(place)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.send(b"p")
    assert s.recv(1) == b"p"
    taken = time.perf_counter() - begun
    s.close()
    return taken
def download(count, size):
    begun = time.perf_counter()
    poll, left = selectors.DefaultSelector(), 0
    for _ in range(count):
        s = socket.create_connection(place)
        s.sendall(b"%09d" % size)
        poll.register(s, selectors.EVENT_READ)
    room, open_ones, total = bytearray(1 << 18), count, 0
    while open_ones:
        for key, _ in poll.select():
            got = key.fileobj.recv_into(room)
            total += got
            if not got:
                poll.unregister(key.fileobj)
                key.fileobj.close()
                open_ones -= 1
    assert total == count * size, total
    return time.perf_counter() - begun
connect(); download(1, ${DOWNLOAD_BYTES / 8})
print("RESULT " + json.dumps({
    "connect": [connect() for _ in range(${CONNECTS})],
    "one": [download(1, ${DOWNLOAD_BYTES}) for _ in range(${ROUNDS})],
    "many": [download(${PARALLEL}, ${PARALLEL_BYTES}) for _ in range(${ROUNDS})],
}), flush=True)
`;

const seconds = z.array(z.number().positive());
const result = z.strictObject({ connect: seconds, one: seconds, many: seconds });

export interface EgressMeasurement {
  readonly connect_ms: readonly number[];
  /** Rates in MB/s */
  readonly one: readonly number[];
  readonly many: readonly number[];
}

/** What the program printed; undefined before it has. */
export function readResult(printed: string): EgressMeasurement | undefined {
  const line = /^RESULT (.*?)\r?\n/m.exec(printed)?.[1];
  if (line === undefined) return undefined;
  const { connect, one, many } = result.parse(JSON.parse(line));
  const rate = (bytes: number) => (taken: number) => bytes / 1_000_000 / taken;
  return {
    connect_ms: connect.map((taken) => taken * 1000),
    one: one.map(rate(DOWNLOAD_BYTES)),
    many: many.map(rate(PARALLEL * PARALLEL_BYTES)),
  };
}

export interface BenchServer {
  readonly port: number;
  close(): void;
}

/** The server, as a process of its own: what pyro does in this one is not to wait for it. */
export async function startServer(): Promise<BenchServer> {
  const child: ChildProcess = spawn(process.execPath, ["-e", SERVER], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.once("data", (line: Buffer) => resolve(Number(line.toString())));
    child.once("error", reject);
    child.once("exit", () => reject(new Error("the server of the bench has ended")));
  });
  return { port, close: () => void child.kill() };
}
