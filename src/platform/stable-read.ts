/** Reading a file that others may write to: its content as it was at one moment, or the fact that it does not hold still. */
import * as fs from "node:fs";
import { isSameStamp } from "./file-stamp.ts";
import { namelessFile, type OpenFile } from "./files.ts";

/** Files up to this size are held in memory, larger ones in a nameless copy. */
const IN_MEMORY_BYTES = 8 * 1_048_576;
const CHUNK_BYTES = 1_048_576;
const ATTEMPTS = 3;

/** A whole content, held apart from the file. */
export interface StableContent {
  readonly size_bytes: number;
  read(): AsyncIterable<Uint8Array>;
  /** Frees what holds it. */
  close(): void;
}

/** The content of an open file; undefined where it changes each time while it is read. `scratch` is a directory for large ones. */
export async function readStable(file: OpenFile, scratch: string): Promise<StableContent | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = file.stamp();
    const size = Number(before.size);
    const content = size <= IN_MEMORY_BYTES ? readInMemory(file, size) : await copy(file, size, scratch);
    if (content !== undefined && isSameStamp(before, file.stamp())) return content;
    content?.close();
  }
  return undefined;
}

/** Undefined where the file does not have exactly that size. */
function readInMemory(file: OpenFile, size: number): StableContent | undefined {
  // One byte more than there should be, so that growth shows even where the file system tells no sizes.
  const buffer = Buffer.allocUnsafe(size + 1);
  let done = 0;
  for (;;) {
    const count = fs.readSync(file.fd, buffer, done, buffer.length - done, done);
    done += count;
    if (count === 0 || done > size) break;
  }
  return done === size ? held(buffer.subarray(0, size)) : undefined;
}

function held(bytes: Buffer): StableContent {
  return {
    size_bytes: bytes.length,
    async *read() {
      if (bytes.length > 0) yield bytes;
    },
    close: () => undefined,
  };
}

async function copy(file: OpenFile, size: number, scratch: string): Promise<StableContent | undefined> {
  const kept = namelessFile(scratch);
  let done = 0;
  try {
    for await (const chunk of chunksOf(file)) {
      done += chunk.length;
      if (done > size) break;
      kept.write(chunk);
    }
    if (done === size) return { size_bytes: size, read: () => chunksOf(kept), close: () => kept.close() };
  } catch (thrown) {
    kept.close();
    throw thrown;
  }
  kept.close();
  return undefined;
}

/** The content from the beginning, a chunk at a time; or the part of it that begins at `offset` and has `length` bytes. */
export async function* chunksOf(file: OpenFile, offset = 0, length = Number.MAX_SAFE_INTEGER): AsyncGenerator<Buffer> {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at));
    const count = await file.read(buffer, at);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    at += count;
  }
}
