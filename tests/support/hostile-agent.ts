/** An HTTP/2 server in this process that plays the guest's agent, well or badly, against a real client over a real socket. */
import { once } from "node:events";
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream, type Settings } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { AgentClient } from "../../src/wire/client.ts";
import type { ExecEnded } from "../../src/wire/messages.ts";
import { recordHeader } from "../../src/wire/records.ts";

export interface HostileAgent {
  readonly client: AgentClient;
  readonly session: ServerHttp2Session;
  /** The agent's end of the connection */
  readonly socket: Socket;
}

const open: { destroy(): void }[] = [];

/** Ends everything that was opened; for `afterEach`. */
export function closeAgents(): void {
  for (const thing of open.splice(0)) thing.destroy();
}

/** A client and, as its peer, an agent that deals with every request by `answer`. */
export async function agentThat(
  answer: (stream: ServerHttp2Stream, method: string) => void,
  settings: Settings = {},
): Promise<HostileAgent> {
  const { channel, socket } = await socketPair();
  const session = performServerHandshake(socket, { settings });
  session.on("error", () => {});
  session.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, String(headers[":path"]).slice(1));
  });
  return { client: newClient(channel), session, socket };
}

/** A client whose peer is given the bare socket. */
export async function rawAgent(): Promise<{ readonly client: AgentClient; readonly socket: Socket }> {
  const { channel, socket } = await socketPair();
  return { client: newClient(channel), socket };
}

function newClient(channel: Socket): AgentClient {
  const client = new AgentClient(channel);
  open.push({ destroy: () => client.close() });
  return client;
}

async function socketPair(): Promise<{ readonly channel: Socket; readonly socket: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  server.close();
  for (const end of [channel, socket]) end.on("error", () => {});
  open.push(channel, socket);
  return { channel, socket };
}

/** A record as it stands on the wire. */
export function record(kind: number, payload: Buffer | string): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([recordHeader(kind, bytes.length), bytes]);
}

/** A record of kind 0. */
export function event(value: unknown): Buffer {
  return record(0, JSON.stringify(value));
}

/** How a command ends that did well. */
export const ended: ExecEnded = {
  event: "ended",
  exit_code: 0,
  signal: null,
  timed_out: false,
  oom_killed: false,
  rest_killed: false,
  free_space: [],
  duration_ms: 1,
};
