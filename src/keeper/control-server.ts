/** The keeper's end of its control socket: every connection is one call, and a connection that closes cancels it. */
import type { Duplex } from "node:stream";
import { PassThrough, type Readable } from "node:stream";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Emit, OperationEvent } from "../contract/progress.ts";
import { type Listening, listenOn } from "../platform/control-socket.ts";
import { version } from "../version.ts";
import { written } from "../wire/pace.ts";
import { RecordDecoder } from "../wire/records.ts";
import { type CallAnswer, type CallRequest, callRequest, jsonRecord, kind, MAX_CALL_BYTES, record } from "./call.ts";

/** What a method may use beside its input. */
export interface CallContext {
  /** Aborted when the caller cancels or goes away */
  readonly signal: AbortSignal;
  /** Aborted when the caller cancels, and not when it only goes away */
  readonly cancelled: AbortSignal;
  readonly emit: Emit;
  readonly stdin: Readable | undefined;
}

/** What a keeper answers, by method; input and result are JSON that the caller's side has checked or will. */
export type Method = (input: unknown, context: CallContext) => Promise<unknown>;

/** Name of the socket in a workspace's directory. */
export const SOCKET = "control.sock";

/** Answers calls in `directory` until it is closed. Throws `host_io_failed` where another process does. */
export function serveCalls(directory: string, methods: Readonly<Record<string, Method>>): Promise<Listening> {
  return listenOn(directory, SOCKET, (stream) => void new Call(stream, methods));
}

/** Methods that a keeper answers to callers of every version. */
const versionless: readonly string[] = ["status", "stop", "delete"];

function requireSameVersion({ pyro_version, method }: CallRequest): void {
  if (pyro_version === version || versionless.includes(method)) return;
  throw new PyroError("keeper_outdated", `The workspace was started by pyro ${version}, this is pyro ${pyro_version}`);
}

/** One connection from its first byte to its end. */
class Call {
  readonly #stream: Duplex;
  readonly #methods: Readonly<Record<string, Method>>;
  readonly #decoder = new RecordDecoder(MAX_CALL_BYTES);
  readonly #gone = new AbortController();
  readonly #cancelled = new AbortController();
  #stdin: PassThrough | undefined;
  #begun = false;

  constructor(stream: Duplex, methods: Readonly<Record<string, Method>>) {
    this.#stream = stream;
    this.#methods = methods;
    stream.on("error", () => {});
    stream.once("close", () => this.#end());
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  #cancel(): void {
    this.#cancelled.abort();
    this.#end();
  }

  #end(): void {
    this.#gone.abort();
    this.#stdin?.destroy();
  }

  #take(chunk: Buffer): void {
    try {
      for (const { kind: of, payload } of this.#decoder.push(chunk)) this.#record(of, payload);
    } catch (thrown) {
      this.#answer({ answer: "error", error: toPyroError(thrown).toJSON() });
      this.#stream.end();
    }
  }

  #record(of: number, payload: Buffer): void {
    if (!this.#begun) {
      this.#begun = true;
      void this.#run(callRequest.parse(JSON.parse(payload.toString("utf8"))));
    } else if (of === kind.stdin) this.#feed(payload);
    else if (of === kind.cancel) this.#cancel();
  }

  /** An empty record is the end of standard input; the caller is held back while the command does not read. */
  #feed(payload: Buffer): void {
    const stdin = this.#stdin;
    if (stdin === undefined || stdin.destroyed) return;
    if (payload.length === 0) {
      stdin.end();
    } else if (!stdin.write(Buffer.from(payload))) {
      this.#stream.pause();
      stdin.once("drain", () => this.#stream.resume());
    }
  }

  async #run(request: CallRequest): Promise<void> {
    if (request.has_stdin) this.#stdin = new PassThrough();
    void this.#answer({ answer: "accepted" });
    try {
      requireSameVersion(request);
      const method = Object.hasOwn(this.#methods, request.method) ? this.#methods[request.method] : undefined;
      if (method === undefined) throw new Error(`this keeper knows no "${request.method}"`);
      const context = {
        signal: this.#gone.signal,
        cancelled: this.#cancelled.signal,
        emit: (event: OperationEvent) => this.#emit(event),
        stdin: this.#stdin,
      };
      const result = await method(request.input, context);
      await this.#answer({ answer: "result", result: result ?? null });
    } catch (thrown) {
      await this.#answer({ answer: "error", error: toPyroError(thrown).toJSON() });
    } finally {
      this.#stream.end();
    }
  }

  #emit(event: OperationEvent): Promise<void> {
    if ("data" in event) return written(this.#stream, record(kind[event.type], event.data));
    return this.#answer({ answer: "event", event });
  }

  #answer(answer: CallAnswer): Promise<void> {
    return written(this.#stream, jsonRecord(answer));
  }
}
