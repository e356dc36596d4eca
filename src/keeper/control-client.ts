/** The caller's end of a keeper's control socket. */
import type { Duplex, Readable } from "node:stream";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Emit, OperationEvent } from "../contract/progress.ts";
import { connectTo } from "../platform/control-socket.ts";
import { version } from "../version.ts";
import { stdinParts, written } from "../wire/pace.ts";
import { RecordDecoder, type WireRecord } from "../wire/records.ts";
import { type CallAnswer, callAnswer, jsonRecord, kind, MAX_CALL_BYTES, record } from "./call.ts";
import { SOCKET } from "./control-server.ts";

export interface CallOptions {
  /** Cancels the call: the keeper is told */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly stdin?: Readable | undefined;
}

/** How long a keeper may take to say that it has heard, in milliseconds. */
const ACCEPT_MS = 10_000;

/** What the keeper of a workspace answered. */
export type Answered = { readonly result: unknown };

/** Calls `method` of the keeper that listens in `directory`; undefined where none does, so that nothing was done. Throws what the method threw, `keeper_lost`, `keeper_stalled` or `cancelled`. */
export async function callKeeper(
  directory: string,
  method: string,
  input: unknown,
  options: CallOptions,
): Promise<Answered | undefined> {
  if (options.signal.aborted) throw cancelled();
  const stream = await connectTo(directory, SOCKET);
  if (stream === undefined) return undefined;
  stream.on("error", () => {});
  const signal = AbortSignal.any([options.signal]);
  const cancel = () => void stream.end(record(kind.cancel, Buffer.alloc(0)), () => stream.destroy());
  signal.addEventListener("abort", cancel, { once: true });
  const stalled = new PyroError("keeper_stalled", "The workspace's keeper does not answer: nothing was done");
  const patience = setTimeout(() => stream.destroy(stalled), ACCEPT_MS);
  try {
    const has_stdin = options.stdin !== undefined;
    stream.write(jsonRecord({ protocol: 1, pyro_version: version, method, input, has_stdin }));
    if (options.stdin !== undefined) feed(stream, options.stdin).catch(() => stream.destroy());
    let isAccepted = false;
    const answer = await read(stream, options.emit, () => {
      isAccepted = true;
      clearTimeout(patience);
    });
    if (answer?.answer === "result") return { result: answer.result };
    if (answer?.answer === "error") throw new PyroError(answer.error.code, answer.error.message, answer.error);
    if (signal.aborted) throw cancelled();
    // The system takes connections for a process that is ending, and nobody reads them.
    if (!isAccepted) return undefined;
    throw new PyroError("keeper_lost", "The workspace's keeper ended during the call");
  } finally {
    clearTimeout(patience);
    stream.destroy();
  }
}

type LastAnswer = Extract<CallAnswer, { answer: "result" | "error" }>;

/** Reads to the last answer, handing on what comes before it. */
async function read(stream: Duplex, emit: Emit, onAccepted: () => void): Promise<LastAnswer | undefined> {
  const decoder = new RecordDecoder(MAX_CALL_BYTES);
  try {
    for await (const chunk of stream) {
      for (const one of decoder.push(chunk)) {
        const answer = await take(one, emit);
        onAccepted();
        if (answer !== undefined) return answer;
      }
    }
  } catch (thrown) {
    if (thrown instanceof PyroError) throw thrown;
  }
  return undefined;
}

/** What a reader throws is the reader's own defect, not the keeper's. */
async function handOn(emit: Emit, event: OperationEvent): Promise<void> {
  try {
    await emit(event);
  } catch (thrown) {
    throw toPyroError(thrown);
  }
}

async function take({ kind: of, payload }: WireRecord, emit: Emit): Promise<LastAnswer | undefined> {
  if (of === kind.stdout || of === kind.stderr) {
    await handOn(emit, { type: of === kind.stdout ? "stdout" : "stderr", data: payload });
    return undefined;
  }
  const answer = callAnswer.parse(JSON.parse(payload.toString("utf8")));
  if (answer.answer === "accepted") return undefined;
  if (answer.answer !== "event") return answer;
  await handOn(emit, answer.event);
  return undefined;
}

async function feed(stream: Duplex, stdin: Readable): Promise<void> {
  for await (const part of stdinParts(stdin)) {
    if (stream.destroyed) return;
    await written(stream, record(kind.stdin, part));
  }
  await written(stream, record(kind.stdin, Buffer.alloc(0)));
}

function cancelled(): PyroError {
  return new PyroError("cancelled", "The call was cancelled");
}
