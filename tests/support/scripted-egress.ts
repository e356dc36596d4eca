/** A guest that asks for connections by a script of the test's own, in the agent's place: no program, no resolver, no limits of its own. */
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { AgentClient } from "../../src/wire/client.ts";
import type { EgressHandlers, EgressTimes } from "../../src/wire/egress-stream.ts";
import { RecordDecoder } from "../../src/wire/records.ts";
import { agentThat, event } from "./hostile-agent.ts";

/** What it may say on its egress stream. */
export const ready = event({ event: "ready" });
export const lookup = (id: number, name: unknown = "example.com") => event({ event: "lookup", id, name });
export const open = (id: number, more: object = {}) =>
  event({ event: "open", id, host: "example.com", port: 443, pid: null, ...more });

export interface ScriptedGuest {
  readonly client: AgentClient;
  /** The guest's end of the connection that carries all of it */
  readonly socket: Socket;
  /** What the host answered on the egress stream */
  readonly answers: unknown[];
  /** Streams of the method `tunnel`, with what came first on each */
  readonly tunnels: { readonly stream: ServerHttp2Stream; readonly params: unknown }[];
  /** The egress stream, once it is open */
  readonly stream: () => ServerHttp2Stream | undefined;
}

/** A guest that sends these bytes on its egress stream, and refuses or joins tunnels by `tunnel`. */
export async function scripted(
  bytes: readonly Buffer[],
  tunnel: (stream: ServerHttp2Stream) => void = (stream) => stream.respond({ ":status": 200 }),
): Promise<ScriptedGuest> {
  const answers: unknown[] = [];
  const tunnels: { stream: ServerHttp2Stream; params: unknown }[] = [];
  let egress: ServerHttp2Stream | undefined;
  const { client, socket } = await agentThat((stream, method) => {
    const decoder = new RecordDecoder();
    let isFirst = true;
    stream.on("data", (chunk: Buffer) => {
      for (const { kind, payload } of decoder.push(chunk)) {
        const value = kind === 0 ? JSON.parse(payload.toString()) : payload.toString();
        if (isFirst && method === "tunnel") tunnels.push({ stream, params: value });
        else if (!isFirst && method !== "tunnel") answers.push(value);
        isFirst = false;
      }
    });
    if (method === "tunnel") return tunnel(stream);
    egress = stream;
    stream.respond({ ":status": 200 });
    stream.write(Buffer.concat(bytes));
  });
  return { client, socket, answers, tunnels, stream: () => egress };
}

/** Grants egress until the test's end. */
export function grant(client: AgentClient, handlers: EgressHandlers, times: EgressTimes = {}) {
  const controller = new AbortController();
  const over = client.egress(handlers, controller.signal, times).catch((thrown: unknown) => thrown);
  return { controller, over };
}
