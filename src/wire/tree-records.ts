/** The records of an answer about a tree, each within its time. */
import type { ClientHttp2Stream } from "node:http2";
import type { Message } from "./messages.ts";
import { received } from "./received.ts";
import { RecordDecoder, type WireRecord } from "./records.ts";
import { refusal } from "./refusal.ts";
import { collect, responseStatus, violation } from "./reply.ts";
import { Watchdog } from "./watchdog.ts";

/** Sends a message and hands over the records of the answer; what `take` returns is awaited before more is read. */
export async function exchangeRecords<M extends "walk" | "read">(
  stream: ClientHttp2Stream,
  method: M,
  request: Message<`${M}.request`>,
  deadline_ms: number,
  take: (record: WireRecord) => void | Promise<void>,
): Promise<void> {
  const watchdog = new Watchdog(stream, { deadline_ms, renews: true, owed: `go on with ${method}` });
  try {
    stream.end(JSON.stringify(request));
    const status = await responseStatus(stream);
    if (status !== 200) throw refusal(method, await collect(stream, method));
    const decoder = new RecordDecoder();
    for await (const chunk of received(stream)) {
      watchdog.handling();
      let records = 0;
      for (const record of decoder.push(chunk)) {
        await take(record);
        records += 1;
      }
      watchdog.waiting(decoder.partial, records > 0);
    }
    if (decoder.partial) throw violation("The agent's stream ended inside a record");
  } finally {
    watchdog.handling();
  }
}
