/** The host's own copy of what a workspace was seeded with, which nothing in the guest can change. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import type { TreeArchive } from "../../environments/disks.ts";
import { type OpenFile, openReadOnly } from "../../platform/files.ts";
import { chunksOf } from "../../platform/stable-read.ts";
import { baselineFiles } from "../../store/paths.ts";
import { type BaselineEntry, entriesOf, indexDocument } from "./index-document.ts";
import { readSealed } from "./sealed-document.ts";

/** What an unpacked entry takes at most beside its content, in `bytes`: the rest of its last page, and its inode. */
const ENTRY_BYTES = 5_120;

/** An open baseline. */
export class Baseline {
  /** Sorted as a walk goes, see `comparePaths` */
  readonly entries: readonly BaselineEntry[];
  readonly #pack: OpenFile;
  #byPath: ReadonlyMap<string, BaselineEntry> | undefined;

  constructor(entries: readonly BaselineEntry[], pack: OpenFile) {
    this.entries = entries;
    this.#pack = pack;
  }

  /** All of it as a tar archive, to be read before the baseline is closed. */
  get archive(): TreeArchive {
    const unpacked_bytes = this.entries.reduce((sum, { size_bytes }) => sum + size_bytes + ENTRY_BYTES, 0);
    return { file: this.#pack, unpacked_bytes };
  }

  find(path: string): BaselineEntry | undefined {
    this.#byPath ??= new Map(this.entries.map((entry) => [entry.path, entry]));
    return this.#byPath.get(path);
  }

  /** A file's content; raises `baseline_damaged` before its last bytes where it does not have its hash. */
  async *content({ path, size_bytes, offset, sha256 }: BaselineEntry): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    let held: Uint8Array | undefined;
    for await (const chunk of chunksOf(this.#pack, offset, size_bytes)) {
      if (held !== undefined) yield held;
      hash.update(chunk);
      held = chunk;
    }
    if (sha256 !== null && hash.digest("hex") !== sha256)
      throw damaged(this.#pack.path, `the content of ${showPath(path)} does not have its hash`);
    if (held !== undefined) yield held;
  }

  /** A file's whole content, checked. */
  async read(entry: BaselineEntry): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.content(entry)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** All of it as a seed, as often as needed. */
  async *source(): AsyncGenerator<SourceEntry> {
    for (const entry of this.entries) {
      const { path, kind, mode, size_bytes, link_target } = entry;
      yield { path, kind, mode, size_bytes, link_target, content: () => this.content(entry) };
    }
  }

  /** Reads all of it and raises `baseline_damaged` where something is not as it was recorded. */
  async verify(): Promise<void> {
    for (const entry of this.entries) for await (const _ of this.content(entry));
  }

  close(): void {
    this.#pack.close();
  }
}

/** Opens the baseline in a directory; raises `baseline_damaged` where it is not whole or not there. */
export function openBaseline(directory: string): Baseline {
  const { index, pack } = baselineFiles(directory);
  const record = readSealed(index, indexDocument);
  if (record.state === "absent") throw damaged(index, "is missing");
  if (record.state === "damaged") throw damaged(index, record.reason);
  const file = openReadOnly(pack);
  if (file === undefined) throw damaged(pack, "is missing");
  if (file.mode() === undefined || file.size() !== record.value.pack_bytes) {
    file.close();
    throw damaged(pack, `does not have the ${record.value.pack_bytes} bytes that it was written with`);
  }
  return new Baseline(entriesOf(record.value), file);
}

function damaged(path: string, reason: string): PyroError {
  return new PyroError("baseline_damaged", `"${path}": ${reason}`, { details: { path, reason } });
}
