/** The uncompressed bytes of a layer as they come out of its blob, within the limits on how much that may be. */
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PyroError } from "../../contract/errors.ts";
import type { OpenFile } from "../../platform/files.ts";
import { findProgram, startProgram } from "../../platform/programs.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import type { LayerLimits } from "./limits.ts";
import { LayerProblem, tooLarge } from "./problems.ts";

/** What zlib gives at once: with its default of 16 KiB it takes twice the time. */
const CHUNK_BYTES = 262_144;
/** Memory that a zstd frame may ask for, in `MiB`: what the program itself takes without a word */
const ZSTD_MEMORY_MIB = 128;

export type LayerCompression = "none" | "gzip" | "zstd";

/** A layer's blob: a file of its own, or a part of one. */
export interface LayerFile {
  readonly file: OpenFile;
  /** Of the blob; for messages */
  readonly digest: string;
  /** Of the uncompressed tar: what is read is checked against it */
  readonly diff_id: string;
  readonly compression: LayerCompression;
  /** Of the blob */
  readonly size_bytes: number;
  /** Where the blob begins in the file, 0 where nothing is said */
  readonly offset?: number;
}

/** The uncompressed layer from its beginning. Raises `LayerProblem`; the caller may stop at any chunk. */
export async function* layerBytes(
  layer: LayerFile,
  limits: LayerLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const most = Math.min(limits.ratio * layer.size_bytes + limits.spare_bytes, limits.total_bytes);
  let count = 0;
  for await (const chunk of uncompressed(layer, signal)) {
    if (signal.aborted) throw new PyroError("cancelled", "cancelled while a layer was read");
    count += chunk.length;
    if (count > most) throw tooLarge(`has more than ${most} bytes uncompressed, from ${layer.size_bytes}`, most);
    yield chunk;
  }
}

/** The same, checked against the `diff_id` when it has ended. */
export async function* checkedBytes(
  layer: LayerFile,
  limits: LayerLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash("sha256");
  for await (const chunk of layerBytes(layer, limits, signal)) {
    hash.update(chunk);
    yield chunk;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found === layer.diff_id) return;
  throw new LayerProblem("layer_mismatch", `is ${found} uncompressed, where the image says ${layer.diff_id}`, {
    expected: layer.diff_id,
    found,
  });
}

function uncompressed(layer: LayerFile, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (layer.compression === "gzip") return gunzipped(layer);
  if (layer.compression === "zstd") return unzstd(layer, signal);
  return blobBytes(layer);
}

async function* blobBytes({ file, offset = 0, size_bytes }: LayerFile): AsyncGenerator<Buffer> {
  let count = 0;
  for await (const chunk of chunksOf(file, offset, size_bytes)) {
    count += chunk.length;
    yield chunk;
  }
  if (count < size_bytes)
    throw new LayerProblem("layer_truncated", `has ${count} bytes where ${size_bytes} are announced`);
}

async function* gunzipped(layer: LayerFile): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  const feeding = pipeline(Readable.from(blobBytes(layer), { objectMode: false }), gunzip);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk;
    await feeding;
  } catch (thrown) {
    throw gzipProblem(thrown);
  } finally {
    gunzip.destroy();
    await feeding.catch(() => undefined);
  }
  // zlib passes over zeros behind the end, and over what follows them.
  const extra = layer.size_bytes - gunzip.bytesWritten;
  if (extra > 0) throw new LayerProblem("layer_invalid", `has ${extra} bytes behind the end of its gzip stream`);
}

function gzipProblem(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !("code" in thrown) || thrown instanceof LayerProblem) return thrown;
  if (thrown.code === "Z_BUF_ERROR") return new LayerProblem("layer_truncated", "ends within its gzip stream");
  if (!String(thrown.code).startsWith("Z_")) return thrown;
  return new LayerProblem("layer_invalid", `has a damaged gzip stream: ${thrown.message}`);
}

async function* unzstd(layer: LayerFile, signal: AbortSignal): AsyncGenerator<Buffer> {
  const args = ["--decompress", "--stdout", "--quiet", `--memory=${ZSTD_MEMORY_MIB}MB`, "-"];
  const program = startProgram(findProgram("zstd"), args, { signal });
  program.ended.catch(() => undefined);
  const feeding = pipeline(Readable.from(zstdBytes(layer), { objectMode: false }), program.stdin);
  feeding.catch(() => undefined);
  let said = "";
  program.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("latin1")).slice(-500);
  });
  try {
    for await (const chunk of program.stdout) yield chunk;
    const { exit_code } = await program.ended;
    if (signal.aborted) throw new PyroError("cancelled", "cancelled while a layer was read");
    // The program that ends early closes its input: what the blob itself lacks comes first.
    await feeding.catch((thrown: unknown) => {
      if (thrown instanceof LayerProblem || exit_code === 0) throw thrown;
    });
    if (exit_code !== 0) throw zstdProblem(said);
  } finally {
    program.kill();
    await feeding.catch(() => undefined);
    await program.ended.catch(() => undefined);
  }
}

/** The program reads other formats too; only what says that it is zstd goes in. */
async function* zstdBytes(layer: LayerFile): AsyncGenerator<Buffer> {
  let isFirst = true;
  for await (const chunk of blobBytes(layer)) {
    const magic = chunk.length < 4 ? 0 : chunk.readUInt32LE(0);
    const isKnown = magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
    if (isFirst && !isKnown) throw new LayerProblem("layer_invalid", "is no zstd stream");
    isFirst = false;
    yield chunk;
  }
}

function zstdProblem(said: string): LayerProblem {
  const reason = said.replace(/[^\x20-\x7e]+/g, " ").trim();
  if (/premature end|unexpected end|incomplete/i.test(reason))
    return new LayerProblem("layer_truncated", "ends within its zstd stream");
  return new LayerProblem("layer_invalid", `has a damaged zstd stream: ${reason}`);
}
