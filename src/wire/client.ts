/** Host end of the guest protocol: HTTP/2 over one byte stream, every reply parsed by its schema. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { ChannelTurns } from "./channel-turns.ts";
import { type EgressHandlers, type EgressTimes, type EgressTunnels, egressStream } from "./egress-stream.ts";
import { execStream, type StreamedExec } from "./exec-stream.ts";
import { forwardStream } from "./forward-stream.ts";
import { type ExecEnded, MAX_RECORD_BYTES, type Message, messages, type UnaryMethod } from "./messages.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";

/** Bytes one stream may have in flight before its reader has taken them. */
const STREAM_WINDOW_BYTES = 262_144;
/** Bytes all streams of one guest may have in flight; as many slow streams as there may be must not hold up the others. */
const CONNECTION_WINDOW_BYTES = 192 * 1_048_576;
/** Node's cap on the memory of one HTTP/2 session, in MB; its default of 10 is below 64 busy streams. */
const SESSION_MEMORY_MB = 384;
const MAX_FRAME_BYTES = 262_144;

/** Methods whose streams are connections: closing one would say that it has come to its end before it is reset. */
const carriers: ReadonlySet<string> = new Set(["forward", "tunnel"]);

export interface UnaryOptions {
  readonly deadline_ms: number;
  readonly signal?: AbortSignal;
}

export interface ExecIo extends StreamedExec {
  readonly signal: AbortSignal;
}

/** Speaks to one agent. Any violation of the protocol is reported once through `onViolation`. */
export class AgentClient {
  readonly #session: ClientHttp2Session;
  #closed: PyroError | undefined;

  constructor(channel: Duplex) {
    this.#session = connect("http://agent", {
      createConnection: () => new ChannelTurns(channel),
      maxSessionMemory: SESSION_MEMORY_MB,
      maxReservedRemoteStreams: 0,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxFrameSize: MAX_FRAME_BYTES },
    });
    this.#session.on("connect", () => {
      if (!this.#session.destroyed) this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    this.#session.on("error", (error) => this.#end(broken(error)));
    this.#session.on("close", () => this.#end(new PyroError("guest_lost", "The connection to the guest ended")));
    this.#session.on("stream", (stream) => stream.destroy());
  }

  /** One JSON request, one JSON response. */
  async call<M extends UnaryMethod>(
    method: M,
    request: Message<`${M}.request`>,
    options: UnaryOptions,
  ): Promise<Message<`${M}.response`>> {
    const stream = this.#open(method, options.signal);
    const deadline = setTimeout(() => stream.destroy(stalled(method, options.deadline_ms)), options.deadline_ms);
    const abort = () => stream.destroy(new PyroError("cancelled", `${method} was cancelled`));
    options.signal?.addEventListener("abort", abort, { once: true });
    try {
      stream.end(JSON.stringify(request));
      const status = await responseStatus(stream);
      const body = await collect(stream, method);
      if (status !== 200) throw refusal(method, body);
      return parse(messages[`${method}.response`], body, method) as Message<`${M}.response`>;
    } catch (thrown) {
      throw this.#explain(thrown);
    } finally {
      clearTimeout(deadline);
      options.signal?.removeEventListener("abort", abort);
      stream.destroy();
    }
  }

  /** Runs a command; resolves when it has ended and all its output was taken. Cancelling kills its process tree. */
  async exec(params: Message<"exec.params">, io: ExecIo): Promise<ExecEnded> {
    const body = Buffer.from(JSON.stringify(params));
    if (body.length > MAX_RECORD_BYTES) {
      throw new PyroError(
        "argument_too_long",
        `The command and its environment take ${body.length} bytes, more than ${MAX_RECORD_BYTES}`,
      );
    }
    return this.exchange("exec", io.signal, (stream) => execStream(stream, body, io));
  }

  /** Joins a client's connection to a port of the guest, until both have ended it. Throws `port_refused` where nobody listens there. */
  forward(port: number, socket: Duplex, signal: AbortSignal): Promise<void> {
    return this.exchange("forward", signal, (stream) =>
      forwardStream(stream, { method: "forward", params: { port } }, socket),
    );
  }

  /** Lets the guest's programs ask for names and connections, until `signal` ends it. Rejects with why it is over, with `not_available` where the guest cannot. */
  egress(handlers: EgressHandlers, signal: AbortSignal, times?: EgressTimes): Promise<void> {
    const tunnels: EgressTunnels = (drive, over) => this.exchange("tunnel", over, drive);
    return this.exchange("egress", signal, (stream) => egressStream(stream, handlers, tunnels, times));
  }

  /** One request that streams: `drive` sends and reads. What it throws, and cancelling, reset the stream. */
  async exchange<T>(method: string, signal: AbortSignal, drive: (stream: ClientHttp2Stream) => Promise<T>): Promise<T> {
    const stream = this.#open(method, signal);
    const cancellation = () => new PyroError("cancelled", `${method} was cancelled`);
    const abort = () => {
      if (!carriers.has(method)) stream.close(constants.NGHTTP2_CANCEL);
      stream.destroy(cancellation());
    };
    // A signal of its own: many streams may share the caller's.
    const cancelled = AbortSignal.any([signal]);
    cancelled.addEventListener("abort", abort, { once: true });
    try {
      return await drive(stream);
    } catch (thrown) {
      if (!stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
      throw signal.aborted && !(thrown instanceof PyroError) ? cancellation() : this.#explain(thrown);
    } finally {
      cancelled.removeEventListener("abort", abort);
      stream.destroy();
    }
  }

  /** Ends the connection; calls in flight fail with `guest_lost`. */
  close(): void {
    this.#end(new PyroError("guest_lost", "The connection to the guest was closed"));
  }

  #open(method: string, signal: AbortSignal | undefined): ClientHttp2Stream {
    if (signal?.aborted) throw new PyroError("cancelled", `${method} was cancelled before it began`);
    if (this.#closed !== undefined) throw this.#closed;
    try {
      const stream = this.#session.request({ ":method": "POST", ":path": `/${method}` }, { endStream: false });
      stream.on("error", () => {});
      // An answer that is over before anybody reads it is kept, not thrown away.
      stream.pause();
      return stream;
    } catch (thrown) {
      throw this.#explain(thrown);
    }
  }

  #end(reason: PyroError): void {
    this.#closed ??= reason;
    if (!this.#session.destroyed) this.#session.destroy();
  }

  /** A stream that broke because the session did is explained by what broke the session; a violation ends the session. */
  #explain(thrown: unknown): PyroError {
    if (!(thrown instanceof PyroError)) return this.#closed ?? broken(thrown);
    if (thrown.code === "protocol_violation") this.#end(thrown);
    return thrown;
  }
}

/** nghttp2's own verdict on what came is a violation; every other break is a loss. */
function broken(thrown: unknown): PyroError {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ERR_HTTP2_ERROR") return violation(`The agent does not speak the protocol: ${message}`, thrown);
  return new PyroError("guest_lost", `The connection to the guest broke: ${message}`, { cause: thrown });
}

function stalled(method: string, deadline_ms: number): PyroError {
  return new PyroError("agent_stalled", `The agent did not answer ${method} within ${deadline_ms} ms`);
}
