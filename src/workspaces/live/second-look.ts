/** Some files of a push, read a second time and compared with what was sent: that all of it was written is only the agent's word. */
import { createHash, randomInt } from "node:crypto";
import type { SourceEntry } from "../../contract/tree.ts";
import { type ReadSink, readTree } from "../../wire/tree-read.ts";
import type { TreeStat } from "../../wire/tree-stat.ts";
import { type GuestTree, treeCall } from "../guest-tree.ts";

/** Files that are read again, and the most of one: 4 MiB together. */
const LOOK_FILES = 32;
const LOOK_BYTES = 131_072;

/** What is known of one file: its length, and the hash of a part of it. */
interface Sample {
  readonly path: string;
  readonly size_bytes: number;
  readonly offset: number;
  sha256: string;
}

const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Which files, and which part of a long one, no guest can know before it has answered. */
export class SecondLook {
  readonly #samples: Sample[] = [];
  #files = 0;

  /** Files that were chosen */
  get file_count(): number {
    return this.#samples.length;
  }

  /** The same entries; of those that were chosen it is noted what is in them. */
  async *pass(entries: AsyncIterable<SourceEntry>): AsyncGenerator<SourceEntry> {
    for await (const entry of entries) {
      const sample = entry.kind === "file" ? this.#choose(entry) : undefined;
      if (sample === undefined) yield entry;
      else yield watched(entry, sample);
    }
  }

  /** Reads them in the guest, below `dest`; gives the paths of those that are not what was sent. */
  async unverified(tree: GuestTree, dest: string, signal: AbortSignal): Promise<string[]> {
    const differing: string[] = [];
    for (const samples of byOffset(this.#samples)) {
      const found = new Found(samples.length);
      const paths = samples.map(({ path }) => (dest === "" ? path : `${dest}/${path}`));
      const request = { root: tree.root, paths, max_bytes: LOOK_BYTES, offset: samples[0]?.offset ?? 0, follow: false };
      await readTree(tree.agent, request, found, treeCall(tree, signal));
      differing.push(...samples.filter((sample, at) => !found.is(sample, at)).map(({ path }) => path));
    }
    return differing;
  }

  /** Each file is as likely to be among the chosen as any other. */
  #choose({ path, size_bytes }: SourceEntry): Sample | undefined {
    this.#files += 1;
    const place = this.#files <= LOOK_FILES ? this.#files - 1 : randomInt(this.#files);
    if (place >= LOOK_FILES) return undefined;
    const offset = size_bytes <= LOOK_BYTES ? 0 : randomInt(size_bytes - LOOK_BYTES + 1);
    const sample = { path, size_bytes, offset, sha256: hashOf(Buffer.alloc(0)) };
    this.#samples[place] = sample;
    return sample;
  }
}

/** The entry, with the sample's hash made of what passes. */
function watched({ path, kind, mode, size_bytes, link_target, content }: SourceEntry, sample: Sample): SourceEntry {
  async function* passing(): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    let at = 0;
    for await (const chunk of content()) {
      hash.update(chunk.subarray(Math.max(0, sample.offset - at), Math.max(0, sample.offset + LOOK_BYTES - at)));
      at += chunk.length;
      yield chunk;
    }
    sample.sha256 = hash.digest("hex");
  }
  return { path, kind, mode, size_bytes, link_target, content: passing };
}

/** What one request can read: files that are read from the same place on. */
function byOffset(samples: readonly Sample[]): Sample[][] {
  const groups = new Map<number, Sample[]>();
  for (const sample of samples) groups.set(sample.offset, [...(groups.get(sample.offset) ?? []), sample]);
  return [...groups.values()];
}

/** What was read. */
class Found implements ReadSink {
  readonly #stats: (TreeStat | undefined)[];
  readonly #hashes;

  constructor(count: number) {
    this.#stats = Array.from({ length: count });
    this.#hashes = Array.from({ length: count }, () => createHash("sha256"));
  }

  entry(index: number, stat: TreeStat): void {
    this.#stats[index] = stat;
  }
  data(index: number, data: Buffer): void {
    this.#hashes[index]?.update(data);
  }
  ended(): void {}
  /** What was handed over of it is no file of that length. */
  failed(index: number): void {
    this.#stats[index] = undefined;
  }

  is({ size_bytes, sha256 }: Sample, index: number): boolean {
    const stat = this.#stats[index];
    return stat?.kind === "file" && stat.size_bytes === size_bytes && this.#hashes[index]?.digest("hex") === sha256;
  }
}
