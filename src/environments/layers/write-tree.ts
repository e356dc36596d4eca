/** Writes a planned tree as one tar stream, contents straight from their layers. */
import type { Content } from "./inode.ts";
import { type LayerFile, layerBytes } from "./layer-bytes.ts";
import type { LayerLimits } from "./limits.ts";
import type { Plan, PlannedFile } from "./plan.ts";
import { inLayer, LayerProblem } from "./problems.ts";
import type { TarOutput } from "./tar-output.ts";
import { tarHeader, tarLink } from "./tar-write.ts";

export interface WriteOptions {
  readonly limits: LayerLimits;
  readonly signal: AbortSignal;
  /** Called with the bytes of content that were written */
  readonly onWritten?: (bytes: number) => void;
}

/** Writes all of it and ends the stream. */
export async function writeTree(
  plan: Plan,
  layers: readonly LayerFile[],
  output: TarOutput,
  options: WriteOptions,
): Promise<void> {
  for (const [path, inode] of plan.bare) await output.write(tarHeader(path, inode));
  for (const [at, layer] of layers.entries()) {
    const files = plan.files.get(at);
    if (files !== undefined) await inLayer(layer.digest, () => writeContents(files, layer, output, options));
  }
  for (const [path, target] of plan.links) await output.write(tarLink(path, target));
  await output.end();
}

async function writeContents(
  files: readonly PlannedFile[],
  layer: LayerFile,
  output: TarOutput,
  { limits, signal, onWritten }: WriteOptions,
): Promise<void> {
  const pending = files.values();
  let current = await begin(pending, output);
  let position = 0;
  for await (const chunk of layerBytes(layer, limits, signal)) {
    for (let at = 0; at < chunk.length && current !== undefined; ) {
      const before = Math.max(0, current.content.offset - position - at);
      at += before;
      if (at >= chunk.length) break;
      const part = chunk.subarray(at, at + current.missing);
      const wait = current.write(part);
      if (wait !== undefined) await wait;
      at += part.length;
      if (current.missing === 0) current = await begin(pending, output, current);
    }
    position += chunk.length;
    onWritten?.(chunk.length);
    if (current === undefined) return;
  }
  if (current !== undefined) throw new LayerProblem("layer_truncated", "became shorter while it was read");
}

/** Ends the file at hand and begins the next one of which something is stored. */
async function begin(
  pending: Iterator<PlannedFile>,
  output: TarOutput,
  ended?: WrittenFile,
): Promise<WrittenFile | undefined> {
  await ended?.end();
  for (let next = pending.next(); next.done !== true; next = pending.next()) {
    const file = new WrittenFile(next.value, output);
    await output.write(tarHeader(next.value.path, next.value.inode));
    if (file.missing > 0) return file;
    await file.end();
  }
  return undefined;
}

/** A file whose content is being written, holes as zeros. */
class WrittenFile {
  readonly content: Content;
  readonly #size: number;
  readonly #output: TarOutput;
  /** Stored bytes that have not come yet */
  missing: number;
  /** Bytes of the file that were written, holes included */
  #written = 0;
  /** Of the parts: the one at hand, and what was written of it */
  #part = 0;
  #in_part = 0;

  constructor({ inode, content }: PlannedFile, output: TarOutput) {
    this.content = content;
    this.missing = content.stored;
    this.#size = inode.size;
    this.#output = output;
  }

  write(bytes: Buffer): Promise<void> | undefined {
    this.missing -= bytes.length;
    if (this.content.parts !== undefined) return this.#writeParts(bytes, this.content.parts);
    this.#written += bytes.length;
    return this.#output.write(bytes);
  }

  /** Writes the hole at the end, and the padding. */
  async end(): Promise<void> {
    await this.#output.hole(this.#size - this.#written);
    await this.#output.pad(this.#size);
  }

  async #writeParts(bytes: Buffer, parts: NonNullable<Content["parts"]>): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const [offset, length] = parts[this.#part] ?? [0, bytes.length];
      if (this.#written < offset) await this.#output.hole(offset - this.#written);
      this.#written = Math.max(this.#written, offset);
      const piece = bytes.subarray(at, at + length - this.#in_part);
      await this.#output.write(piece);
      at += piece.length;
      this.#written += piece.length;
      this.#in_part = this.#in_part + piece.length === length ? 0 : this.#in_part + piece.length;
      if (this.#in_part === 0) this.#part += 1;
    }
  }
}
