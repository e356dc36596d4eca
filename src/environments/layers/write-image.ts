/** Makes an OCI image out of tar streams: blobs in files without names, a configuration and a manifest, with digests that are the same for the same input. */
import { createHash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PyroError } from "../../contract/errors.ts";
import { namelessFile, type OpenFile } from "../../platform/files.ts";
import { findProgram, requirePrograms, startProgram } from "../../platform/programs.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import { planDifference, type TarTree } from "./difference.ts";
import { layerLimits } from "./limits.ts";
import { TarOutput } from "./tar-output.ts";
import { writeTree } from "./write-tree.ts";

export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

/** A layer as a registry takes it. */
export interface WrittenLayer {
  /** The compressed blob; the caller closes it */
  readonly file: OpenFile;
  readonly media_type: string;
  readonly digest: string;
  readonly size_bytes: number;
  readonly diff_id: string;
}

/** What an image says of itself. */
export interface ImageDescription {
  /** ISO 8601; the same for the same content */
  readonly created: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cmd: readonly string[];
  readonly working_dir: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** An image's documents beside its layers. */
export interface WrittenImage {
  readonly manifest: Buffer;
  readonly manifest_digest: string;
  readonly config: Buffer;
  readonly config_digest: string;
}

/** Compresses a tar into a blob below `directory`, by gzip itself: zlib's output differs between processors and versions. */
export async function writeLayer(tar: OpenFile, directory: string, signal: AbortSignal): Promise<WrittenLayer> {
  requirePrograms(["gzip"]);
  const diff = createHash("sha256");
  const blob = createHash("sha256");
  const file = namelessFile(directory);
  try {
    const program = startProgram(findProgram("gzip"), ["-n", "-6", "-c"], { signal });
    program.stderr.resume();
    const reading = Readable.from(
      hashed(chunksOf(tar), (chunk) => diff.update(chunk)),
      { objectMode: false },
    );
    const feeding = pipeline(reading, program.stdin);
    const writing = (async () => {
      for await (const chunk of program.stdout) {
        blob.update(chunk);
        file.write(chunk);
      }
    })();
    const [{ exit_code }] = await Promise.all([program.ended, feeding, writing]);
    if (exit_code !== 0) throw new PyroError("host_io_failed", `gzip ended with status ${exit_code}`);
    const [digest, diff_id] = [blob, diff].map((hash) => `sha256:${hash.digest("hex")}`);
    return { file, media_type: LAYER_TYPE, digest: digest ?? "", size_bytes: file.size(), diff_id: diff_id ?? "" };
  } catch (thrown) {
    file.close();
    throw signal.aborted ? new PyroError("cancelled", "cancelled while a layer was compressed") : thrown;
  }
}

/** The tar of the layer that makes `full` of `base`, in a file without a name below `directory`. */
export async function writeDifference(
  base: TarTree,
  full: TarTree,
  directory: string,
  signal: AbortSignal,
): Promise<OpenFile> {
  const plan = await planDifference(base, full, signal);
  const file = namelessFile(directory);
  try {
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        try {
          file.write(chunk);
          done();
        } catch (thrown) {
          done(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
      },
    });
    const failed = new Promise<never>((_, reject) => sink.once("error", reject));
    await Promise.race([writeTree(plan, [full], new TarOutput(sink), { limits: layerLimits, signal }), failed]);
    return file;
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}

/** The documents of an image with these layers, lowest first. */
export function writeImage(layers: readonly WrittenLayer[], description: ImageDescription): WrittenImage {
  if (layers.length === 0) throw new PyroError("image_empty", "an image cannot be made of no layers");
  const { created, env, cmd, working_dir, labels } = description;
  const config = document({
    created,
    architecture: "amd64",
    os: "linux",
    config: {
      Env: Object.entries(sorted(env)).map(([name, value]) => `${name}=${value}`),
      Cmd: cmd,
      WorkingDir: working_dir,
      Labels: sorted(labels),
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diff_id }) => diff_id) },
    history: layers.map(() => ({ created, created_by: "pyro" })),
  });
  const config_digest = digestOf(config);
  const manifest = document({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: config_digest, size: config.length },
    layers: layers.map(({ media_type, digest, size_bytes }) => ({ mediaType: media_type, digest, size: size_bytes })),
    annotations: sorted(labels),
  });
  return { manifest, manifest_digest: digestOf(manifest), config, config_digest };
}

async function* hashed(chunks: AsyncIterable<Buffer>, take: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    take(chunk);
    yield chunk;
  }
}

const document = (content: unknown): Buffer => Buffer.from(JSON.stringify(content));
const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

function sorted(entries: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)));
}
