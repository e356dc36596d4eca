/** Host end of the guest protocol: HTTP/2 over one byte stream, every reply parsed by its schema. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import type { Duplex, Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import { execStream, type OutputSink } from "./exec-stream.ts";
import { type ExecEnded, type Message, messages, type UnaryMethod } from "./messages.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";

/** Bytes one stream may have in flight before its reader has taken them. */
const STREAM_WINDOW_BYTES = 1_048_576;
/** Bytes all streams of one guest may have in flight; a slow stream must not hold up the others. */
const CONNECTION_WINDOW_BYTES = 64 * 1_048_576;
/** Node's cap on the memory of one HTTP/2 session, in MB; its default of 10 is below 64 busy streams. */
const SESSION_MEMORY_MB = 256;
const MAX_FRAME_BYTES = 262_144;

export interface UnaryOptions {
  readonly deadline_ms: number;
  readonly signal?: AbortSignal;
}

export interface ExecIo {
  readonly stdin: Readable | undefined;
  readonly onOutput: OutputSink;
  readonly signal: AbortSignal;
  /** Time after which the command must have ended, unless the reader of its output holds it up; absent for no limit */
  readonly deadline_ms: number | undefined;
}

/** Speaks to one agent. Any violation of the protocol is reported once through `onViolation`. */
export class AgentClient {
  readonly #session: ClientHttp2Session;
  #closed: PyroError | undefined;

  constructor(channel: Duplex) {
    this.#session = connect("http://agent", {
      createConnection: () => channel,
      maxSessionMemory: SESSION_MEMORY_MB,
      maxReservedRemoteStreams: 0,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES, maxFrameSize: MAX_FRAME_BYTES },
    });
    this.#session.on("connect", () => this.#session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    this.#session.on("error", (error) =>
      this.#end(violation(`The agent's connection failed: ${error.message}`, error)),
    );
    this.#session.on("close", () => this.#end(new PyroError("guest_lost", "The connection to the guest ended")));
    this.#session.on("stream", (stream) => stream.destroy());
  }

  /** One JSON request, one JSON response. */
  async call<M extends UnaryMethod>(
    method: M,
    request: Message<`${M}.request`>,
    options: UnaryOptions,
  ): Promise<Message<`${M}.response`>> {
    const stream = this.#open(method);
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
    const stream = this.#open("exec");
    const abort = () => {
      stream.close(constants.NGHTTP2_CANCEL);
      stream.destroy(new PyroError("cancelled", "The command was cancelled"));
    };
    io.signal.addEventListener("abort", abort, { once: true });
    try {
      io.signal.throwIfAborted();
      return await execStream(stream, params, io);
    } catch (thrown) {
      throw this.#explain(thrown);
    } finally {
      io.signal.removeEventListener("abort", abort);
      stream.destroy();
    }
  }

  /** Ends the connection; calls in flight fail with `guest_lost`. */
  close(): void {
    this.#session.destroy();
  }

  #open(method: string): ClientHttp2Stream {
    if (this.#closed !== undefined) throw this.#closed;
    const stream = this.#session.request({ ":method": "POST", ":path": `/${method}` }, { endStream: false });
    stream.on("error", ignore);
    stream.on("push", (headers: IncomingHttpHeaders) => this.#end(violation(`The agent pushed ${headers[":path"]}`)));
    return stream;
  }

  #end(reason: PyroError): void {
    this.#closed ??= reason;
    if (!this.#session.destroyed) this.#session.destroy();
  }

  /** A stream that broke because the session did is explained by what broke the session. */
  #explain(thrown: unknown): PyroError {
    if (thrown instanceof PyroError) return thrown;
    if (this.#closed !== undefined) return this.#closed;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new PyroError("guest_lost", `The guest's agent broke off: ${message}`, { cause: thrown });
  }
}

function ignore(): void {}

function stalled(method: string, deadline_ms: number): PyroError {
  return new PyroError("agent_stalled", `The agent did not answer ${method} within ${deadline_ms} ms`);
}
