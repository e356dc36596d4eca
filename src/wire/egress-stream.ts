/** Connections of a guest's programs to other machines: what they ask for on one HTTP/2 stream, each connection on one of its own. */
import { setMaxListeners } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { forwardStream } from "./forward-stream.ts";
import { type Message, messages, recordKind } from "./messages.ts";
import { written } from "./pace.ts";
import { received } from "./received.ts";
import { RecordDecoder, recordHeader, type WireRecord } from "./records.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";

/** Connections of one guest at a time; more are refused. */
export const MAX_TUNNELS = 256;
/** Questions that may wait for their answers; more are a violation. */
export const MAX_QUESTIONS = 1024;
/** Largest event, in bytes. */
const MAX_EVENT_BYTES = 4096;
/** How long an answer may take, in milliseconds: the agent itself gives up after 30 s. */
const ANSWER_MS = 25_000;
/** How long a connection may carry nothing, in milliseconds. */
const IDLE_MS = 15 * 60_000;

type Event = Message<"egress.event">;

/** A connection that a program asks for. */
export interface EgressOpen {
  /** The name for which its address was given out, or an address; each byte of it is one character */
  readonly host: string;
  readonly port: number;
  /** The command that asks, by the number of its start; null where that cannot be told */
  readonly pid: number | null;
}

/** Decides what a guest may. Whatever a handler throws is a refusal. */
export interface EgressHandlers {
  /** Whether a name may be looked up; each byte of it is one character */
  lookup(name: string): Promise<boolean>;
  /** The other end, connected, that is ended with the connection; undefined where there may be none. Aborted where nobody waits any more */
  open(asked: EgressOpen, signal: AbortSignal): Promise<Duplex | undefined>;
  /** Told once programs can ask */
  ready?(): void;
}

/** How patient the host is; for tests. */
export interface EgressTimes {
  readonly answer_ms?: number;
  readonly idle_ms?: number;
}

/** Opens a stream of its own for the connection with this number, and drives it. */
export type EgressTunnels = (drive: (stream: ClientHttp2Stream) => Promise<void>, signal: AbortSignal) => Promise<void>;

/** Answers a guest until its stream ends, which it never does unasked. Rejects with what broke it. */
export async function egressStream(
  stream: ClientHttp2Stream,
  handlers: EgressHandlers,
  tunnels: EgressTunnels,
  times: EgressTimes = {},
): Promise<void> {
  const answered = responseStatus(stream);
  await send(stream, {});
  const status = await answered;
  if (status !== 200) throw refusal("egress", await collect(stream, "egress"));
  const questions = new Questions(stream, handlers, tunnels, times);
  const decoder = new RecordDecoder();
  try {
    for await (const chunk of received(stream))
      for (const record of decoder.push(chunk)) questions.take(eventOf(record));
    if (decoder.partial) throw violation("The agent's stream ended inside a record");
    throw new PyroError("guest_lost", "The guest ended its egress");
  } finally {
    await questions.end();
  }
}

function eventOf({ kind, payload }: WireRecord): Event {
  if (kind !== recordKind.json) throw violation(`The agent sent a record of unknown kind ${kind}`);
  if (payload.length > MAX_EVENT_BYTES) throw violation(`The agent sent an event of ${payload.length} bytes`);
  return parse(messages["egress.event"], payload.toString("utf8"), "egress");
}

function send(stream: ClientHttp2Stream, message: Message<"egress.params"> | Message<"egress.answer">): Promise<void> {
  const body = Buffer.from(JSON.stringify(message));
  return written(stream, recordHeader(recordKind.json, body.length), body);
}

/** What was asked and is not answered, and the connections that were allowed. */
class Questions {
  readonly #stream: ClientHttp2Stream;
  readonly #handlers: EgressHandlers;
  readonly #tunnels: EgressTunnels;
  readonly #times: EgressTimes;
  readonly #over = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #last_id = 0;
  #is_ready = false;
  #questions = 0;
  #connections = 0;

  constructor(stream: ClientHttp2Stream, handlers: EgressHandlers, tunnels: EgressTunnels, times: EgressTimes) {
    this.#stream = stream;
    this.#handlers = handlers;
    this.#tunnels = tunnels;
    this.#times = times;
    // As many listeners as questions may wait, and as answers may to a guest that does not read them.
    setMaxListeners(0, this.#over.signal, stream);
  }

  /** Begins with a question; throws where the agent breaks a rule. */
  take(event: Event): void {
    if (event.event === "ready") {
      if (this.#is_ready) throw violation("The agent said twice that its egress is ready");
      this.#is_ready = true;
      this.#handlers.ready?.();
      return;
    }
    if (!this.#is_ready) throw violation("The agent asked before its egress was ready");
    if (event.id <= this.#last_id) throw violation(`The agent asked ${event.id} after ${this.#last_id}`);
    this.#last_id = event.id;
    if (this.#questions >= MAX_QUESTIONS) throw violation(`The agent asked more than ${MAX_QUESTIONS} at once`);
    this.#questions += 1;
    this.#note(event.event === "lookup" ? this.#lookup(event) : this.#open(event));
  }

  /** Ends what is under way, and resolves when all of it has. */
  async end(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#underWay);
  }

  #note(work: Promise<void>): void {
    // What breaks the guest's end breaks its stream as well; a violation has ended the session.
    const settled = work.catch((thrown: unknown) => void this.#stream.destroy(toPyroError(thrown)));
    const noted = settled.finally(() => this.#underWay.delete(noted));
    this.#underWay.add(noted);
  }

  async #lookup({ id, name }: Extract<Event, { event: "lookup" }>): Promise<void> {
    const asked = textOf(name);
    const is_allowed = await this.#decided(
      () => this.#handlers.lookup(asked),
      () => {},
    );
    await this.#answer({ answer: "lookup", id, verdict: is_allowed === true ? "allowed" : "refused" });
  }

  async #open({ id, host, port, pid }: Extract<Event, { event: "open" }>): Promise<void> {
    const asked = { host: textOf(host), port, pid };
    const has_room = this.#connections < MAX_TUNNELS;
    this.#connections += 1;
    try {
      const upstream = await this.#decided<Duplex>(
        async (signal) => (has_room ? this.#handlers.open(asked, signal) : undefined),
        (late) => void late.destroy(),
      );
      if (upstream === undefined) await this.#answer({ answer: "open", id, verdict: "refused" });
      else await this.#join(id, upstream);
    } finally {
      this.#connections -= 1;
    }
  }

  /** Joins a program's connection with its other end; whatever breaks one ends both. */
  async #join(id: number, upstream: Duplex): Promise<void> {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), this.#times.idle_ms ?? IDLE_MS);
    // What breaks it is told by its reads and writes.
    upstream.on("error", () => {});
    const request = { method: "tunnel", params: { id } } as const;
    try {
      await this.#tunnels(
        (stream) => forwardStream(stream, request, upstream, () => void timer.refresh()),
        AbortSignal.any([this.#over.signal, idle.signal]),
      );
    } catch (thrown) {
      // A violation has ended the session, and with it the stream that is read elsewhere. What was cut off must not look whole to the other end.
      upstream.destroy(toPyroError(thrown));
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a handler says in time; undefined where it refuses. What it gives after that is given to `drop`. */
  async #decided<T>(
    decide: (signal: AbortSignal) => Promise<T | undefined>,
    drop: (late: T) => void,
  ): Promise<T | undefined> {
    const late = new AbortController();
    const stop = () => late.abort();
    const timer = setTimeout(stop, this.#times.answer_ms ?? ANSWER_MS);
    this.#over.signal.addEventListener("abort", stop, { once: true });
    const decision = decided(decide, late.signal);
    try {
      const first = await Promise.race([decision, aborted(late.signal)]);
      if (first !== undefined) return first.value;
      void decision.then(({ value }) => value !== undefined && drop(value));
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#over.signal.removeEventListener("abort", stop);
      this.#questions -= 1;
    }
  }

  async #answer(answer: Message<"egress.answer">): Promise<void> {
    if (!this.#stream.destroyed) await send(this.#stream, answer);
  }
}

/** A handler's word; undefined where it throws. */
async function decided<T>(
  decide: (signal: AbortSignal) => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<{ readonly value: T | undefined }> {
  try {
    return { value: await decide(signal) };
  } catch {
    return { value: undefined };
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Bytes as characters of one byte each, so that nothing of what was asked is lost. */
function textOf(name: string | { readonly base64: string }): string {
  const bytes = typeof name === "string" ? Buffer.from(name) : Buffer.from(name.base64, "base64");
  return bytes.toString("latin1");
}
