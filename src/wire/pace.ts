/** Writing at the pace of whoever reads. */
import type { Readable, Writable } from "node:stream";

/** Largest part of standard input that goes into one record, in bytes. */
const STDIN_RECORD_BYTES = 65_536;

/** Writes parts as one; resolves when there is room for more, or nobody is left to write to. */
export async function written(stream: Writable, ...parts: readonly Uint8Array[]): Promise<void> {
  if (stream.destroyed) return;
  stream.cork();
  let hasRoom = true;
  for (const part of parts) hasRoom = stream.write(part);
  stream.uncork();
  if (hasRoom) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}

/** Standard input in parts that fit into a record. */
export async function* stdinParts(stdin: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of stdin) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    for (let at = 0; at < bytes.length; at += STDIN_RECORD_BYTES) yield bytes.subarray(at, at + STDIN_RECORD_BYTES);
  }
}
