/** An image as an OCI layout in a directory, which real programs read: layers are tar archives of one file each. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import {
  type Content,
  content,
  descriptor,
  digestOf,
  gzipLayer,
  type MadeImage,
  makeImage,
} from "./registry-images.ts";

/** Writes an image with layers of that many random bytes, on top of others, under the tag `made`. */
export async function writeLayout(
  directory: string,
  sizes: readonly number[],
  below: readonly Content[] = [],
): Promise<MadeImage> {
  const archives = await Promise.all(sizes.map((size, at) => archive(`file-${at}`, randomBytes(size))));
  const layers = [...below, ...archives.map((bytes) => content(gzipLayer, gzipSync(bytes, { level: 1 })))];
  const rootfs = { type: "layers", diff_ids: layers.map(({ body }) => digestOf(gunzipSync(body))) };
  const image = makeImage({ layers, config: { config: { Env: ["PATH=/bin"], Cmd: ["/file-0"] }, rootfs } });
  mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
  for (const { digest, body } of [image.manifest, image.config, ...layers])
    writeFileSync(join(directory, "blobs", digest.replace(":", "/")), body);
  const annotations = { "org.opencontainers.image.ref.name": "made" };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor(image.manifest), annotations }] };
  writeFileSync(join(directory, "index.json"), JSON.stringify(index));
  writeFileSync(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  return image;
}

async function archive(name: string, bytes: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name }, bytes);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
