/** A host and guests of bare frames, which end their streams and connections in every way, in one process; says each before it begins. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { AgentClient } from "../../src/wire/client.ts";
import { event, record } from "./hostile-agent.ts";
import { closePairs, socketPair } from "./socket-pair.ts";

function frame(kind: number, flags: number, stream: number, content: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, content]);
}

function numbers(...all: number[]): Buffer {
  const bytes = Buffer.alloc(all.length * 4);
  for (const [at, value] of all.entries()) bytes.writeUInt32BE(value, at * 4);
  return bytes;
}

const status200 = Buffer.from([0x88]);
const reset = (stream: number, code: number) => frame(3, 0, stream, numbers(code));
const goaway = (last: number, code: number) => frame(7, 0, 0, numbers(last, code));
const ended = (stream: number) => frame(0, 1, stream);
const ping = frame(6, 0, 0, Buffer.alloc(8));

/** What a guest says, in order: at once, when its egress is asked for, and when a connection is handed over. */
const greeting = Buffer.concat([frame(4, 0, 0), frame(4, 1, 0)]);
const asks = { event: "open", id: 1, host: "a.com", port: 80, pid: null };
const egress = Buffer.concat([
  frame(1, 4, 1, status200),
  frame(0, 0, 1, Buffer.concat([event({ event: "ready" }), event(asks)])),
]);
const tunnel = Buffer.concat([
  frame(1, 4, 3, status200),
  frame(0, 0, 3, Buffer.concat([event({ event: "connected" }), record(1, "half of it")])),
]);

/** The frames that the host sends. */
async function* framesOf(socket: Socket): AsyncGenerator<{ kind: number; flags: number; stream: number }> {
  let bytes = Buffer.alloc(0);
  let skipped = false;
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    if (!skipped && bytes.length >= 24) {
      bytes = bytes.subarray(24);
      skipped = true;
    }
    while (skipped && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      yield { kind: bytes.readUInt8(3), flags: bytes.readUInt8(4), stream: bytes.readUInt32BE(5) };
      bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
    }
  }
}

interface Ending {
  /** Bytes of all that it says; the connection ends behind them */
  readonly at?: number;
  readonly bytes?: Buffer;
  readonly last?: "end" | "destroy";
}

/** Plays the guest to its end; resolves when the host has taken that, or is gone. */
async function played(socket: Socket, { at, bytes = Buffer.alloc(0), last }: Ending, met: Promise<unknown>) {
  let left = at ?? Number.POSITIVE_INFINITY;
  const say = (what: Buffer) => {
    if (left <= 0) return;
    socket.write(what.subarray(0, left));
    left -= what.length;
    if (left <= 0) socket[last ?? "end"]();
  };
  say(greeting);
  void met.then(() => {
    say(bytes);
    if (last === undefined) say(ping);
    else socket[last]();
  });
  for await (const { kind, flags, stream } of framesOf(socket)) {
    if (kind === 1) say(stream === 1 ? egress : tunnel);
    if (kind === 6 && flags === 1) return;
  }
}

/** Another end that says what came to it, and says something itself. */
class Upstream extends Duplex {
  override _read(): void {}
  override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.emit("met");
    this.push("something");
    done();
  }
}

async function end(name: string, ending: Ending): Promise<void> {
  process.stdout.write(`${name}\n`);
  const [channel, socket] = await socketPair();
  const client = new AgentClient(channel);
  const upstream = new Upstream();
  const over = client
    .egress({ lookup: async () => true, open: async () => upstream }, new AbortController().signal)
    .catch((thrown: unknown) => thrown);
  const met = new Promise((resolve) => upstream.once("met", resolve));
  await played(socket, ending, met).catch(() => {});
  client.close();
  const why = await over;
  if (!(why instanceof Error)) throw new Error(`${name}: egress ended with ${String(why)}`);
  closePairs();
}

const codes = [0, 1, 2, 7, 8, 11];
for (const code of codes) {
  const wanted: Record<string, Buffer[]> = {
    egress: [reset(1, code)],
    tunnel: [reset(3, code)],
    both: [reset(1, code), reset(3, code)],
    "both, the tunnel first": [reset(3, code), reset(1, code)],
    "egress, and goaway": [reset(1, code), goaway(3, 0)],
    goaway: [goaway(3, code)],
    "goaway of all": [goaway(0, code)],
    "goaway of the tunnel": [goaway(1, code)],
    "the end of egress and a reset": [ended(1), reset(3, code)],
    "the end of the tunnel and a reset": [ended(3), reset(1, code)],
    "the end of both and a reset": [ended(1), ended(3), reset(1, code)],
  };
  for (const [name, parts] of Object.entries(wanted)) {
    for (const last of [undefined, "end", "destroy"] as const) {
      await end(`${name} with ${code}, then ${last ?? "nothing"}`, {
        bytes: Buffer.concat(parts),
        ...(last && { last }),
      });
    }
  }
}
const all = greeting.length + egress.length + tunnel.length;
for (let at = 1; at <= all; at += 1) {
  await end(`end at byte ${at}`, { at });
  await end(`destroyed at byte ${at}`, { at, last: "destroy" });
}
process.stdout.write("WENT ON\n");
process.exit();
