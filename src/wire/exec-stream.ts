/** One command on one HTTP/2 stream: parameters and stdin go out as records, events and output come back. */
import type { ClientHttp2Stream } from "node:http2";
import type { Readable } from "node:stream";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { type ExecEnded, messages, recordKind } from "./messages.ts";
import { stdinParts, written } from "./pace.ts";
import { received } from "./received.ts";
import { RecordDecoder, recordHeader, type WireRecord } from "./records.ts";
import { refusal } from "./refusal.ts";
import { collect, parse, responseStatus, violation } from "./reply.ts";
import { Watchdog } from "./watchdog.ts";

/** Takes output; what it returns is awaited before more is read from the guest. */
export type OutputSink = (kind: "stdout" | "stderr", data: Buffer) => void | Promise<void>;

/** What an exec needs of its caller. */
export interface StreamedExec {
  readonly stdin: Readable | undefined;
  readonly onOutput: OutputSink;
  /** Told once the program runs, with its number in the guest */
  readonly onStart?: ((pid: number) => void) | undefined;
  /** Time after which the command must have ended, unless the reader of its output holds it up; absent for no limit */
  readonly deadline_ms: number | undefined;
}

/** Drives the exchange to its end. Throws `PyroError` or what broke the stream. */
export async function execStream(stream: ClientHttp2Stream, params: Buffer, io: StreamedExec): Promise<ExecEnded> {
  const watchdog = new Watchdog(stream, {
    deadline_ms: io.deadline_ms,
    renews: false,
    owed: "report the command's end",
  });
  try {
    const answered = responseStatus(stream);
    // In the background: the agent may answer before it has read everything.
    send(stream, params, io.stdin).catch((cause) => stream.destroy(unreadable(cause)));
    const status = await answered;
    if (status !== 200) throw refusal("exec", await collect(stream, "exec"));
    const ended = await readRecords(stream, io, watchdog);
    if (ended === undefined) throw new PyroError("guest_lost", "The guest ended before the command's result arrived");
    return ended;
  } finally {
    watchdog.handling();
  }
}

async function readRecords(
  stream: ClientHttp2Stream,
  io: StreamedExec,
  watchdog: Watchdog,
): Promise<ExecEnded | undefined> {
  const decoder = new RecordDecoder();
  let ended: ExecEnded | undefined;
  for await (const chunk of received(stream)) {
    watchdog.handling();
    let records = 0;
    for (const record of decoder.push(chunk)) {
      if (ended !== undefined) throw violation("The agent sent a record after the end of a command");
      ended = await take(record, io);
      records += 1;
    }
    watchdog.waiting(decoder.partial, records > 0);
  }
  if (decoder.partial) throw violation("The agent's stream ended inside a record");
  return ended;
}

async function take(record: WireRecord, { onOutput, onStart }: StreamedExec): Promise<ExecEnded | undefined> {
  if (record.kind === recordKind.stdout) await handOn(onOutput, "stdout", record.payload);
  else if (record.kind === recordKind.stderr) await handOn(onOutput, "stderr", record.payload);
  else if (record.kind === recordKind.json) {
    const event = parse(messages["exec.event"], record.payload.toString("utf8"), "exec");
    if (event.event === "ended") return event;
    onStart?.(event.pid);
  } else throw violation(`The agent sent a record of unknown kind ${record.kind}`);
  return undefined;
}

/** What a reader throws is the reader's own defect, not the guest's. */
async function handOn(onOutput: OutputSink, kind: "stdout" | "stderr", data: Buffer): Promise<void> {
  try {
    await onOutput(kind, data);
  } catch (thrown) {
    throw toPyroError(thrown);
  }
}

/** Sends the parameters, then stdin where there is one, then the end of the request. */
async function send(stream: ClientHttp2Stream, params: Buffer, stdin: Readable | undefined): Promise<void> {
  await written(stream, recordHeader(recordKind.json, params.length), params);
  if (stdin !== undefined) {
    for await (const part of stdinParts(stdin)) {
      if (stream.destroyed || stream.writableEnded) return;
      await written(stream, recordHeader(recordKind.stdin, part.length), part);
    }
  }
  if (!stream.destroyed && !stream.writableEnded) stream.end();
}

function unreadable(cause: unknown): PyroError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PyroError("host_io_failed", `Standard input could not be read: ${reason}`, { cause });
}
