/** A tar archive, plain or compressed by gzip, as a seed. */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { openNamed } from "../../platform/directory-handle.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import { seedError } from "./opening.ts";
import type { SeedOptions, SeedSource } from "./source.ts";
import { TarReader } from "./tar.ts";

/** The seed in an archive; nothing of it is unpacked on the host. */
export function openArchiveSeed(path: string, options: SeedOptions): SeedSource {
  const origin_ref = resolve(path);
  let commit: string | null = null;
  async function* entries(): AsyncGenerator<SourceEntry> {
    const reader = new TarReader(bytesOf(path, options.signal), options.limits);
    yield* reader.entries();
    commit = reader.commit;
  }
  const summary = () =>
    ({
      origin_kind: "archive",
      origin_ref,
      commit,
      dirty: null,
      skipped: [],
      lfs_pointer_count: 0,
      notes: [],
    }) as const;
  return { entries: entries(), summary };
}

async function* bytesOf(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const file = openArchive(path);
  try {
    const raw = chunksOf(file);
    for await (const chunk of /\.tar$/i.test(path) ? raw : unzipped(raw)) {
      if (signal?.aborted) throw new PyroError("cancelled", "cancelled while the archive was read");
      yield chunk;
    }
  } finally {
    file.close();
  }
}

function openArchive(path: string) {
  try {
    const file = openNamed(path);
    if (file.mode() !== undefined) return file;
    file.close();
  } catch (thrown) {
    throw seedError(thrown, path);
  }
  throw new PyroError("unsupported_type", `${showPath(path)} is no regular file`);
}

async function* unzipped(raw: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  const feeding = pipeline(Readable.from(raw, { objectMode: false }), gunzip);
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (thrown) {
    throw gzipError(thrown);
  } finally {
    gunzip.destroy();
    await feeding.catch(() => undefined);
  }
}

function gzipError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !("code" in thrown)) return thrown;
  if (thrown.code === "Z_BUF_ERROR") return new PyroError("archive_truncated", "the archive's gzip stream is cut off");
  if (String(thrown.code).startsWith("Z_"))
    return new PyroError("archive_inconsistent", `the archive's gzip stream is damaged: ${thrown.message}`);
  return thrown;
}
