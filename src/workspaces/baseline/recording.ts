/** Keeps the host's own copy of a seed while the seed passes through to the guest. */
import { createHash } from "node:crypto";
import { PyroError } from "../../contract/errors.ts";
import { comparePaths, showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";
import { linkNameless, namelessFile, type OpenFile, openReadOnly, remove } from "../../platform/files.ts";
import { baselineFiles } from "../../store/paths.ts";
import { type Baseline, openBaseline } from "./baseline.ts";
import { type BaselineEntry, indexOf } from "./index-document.ts";
import { writeSealed } from "./sealed-document.ts";
import { tarEnd, tarHeader, tarPadding } from "./tar-entry.ts";

/** Writes to the pack are gathered up to this size. */
const WRITE_BYTES = 1_048_576;

/** A baseline that is being written. Until it is finished it has no name, so that nothing is left of one that is not. */
export class BaselineRecording {
  readonly #files: ReturnType<typeof baselineFiles>;
  readonly #directory: string;
  readonly #pack: OpenFile;
  readonly #recorded: BaselineEntry[] = [];
  /** Time of change of everything in it, in seconds since 1970 */
  readonly #mtime = Math.floor(Date.now() / 1000);
  #gathered: Uint8Array[] = [];
  #gathered_bytes = 0;
  #offset = 0;
  #isComplete = false;
  #isDiscarded = false;

  /** `directory` is one of ours that holds no baseline yet. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#files = baselineFiles(directory);
    const index = openReadOnly(this.#files.index);
    index?.close();
    if (index !== undefined) throw new Error(`there is a baseline in "${directory}" already`);
    this.#pack = namelessFile(directory);
  }

  /** The same entries; each is recorded whole, however much of it the reader takes. */
  async *pass(source: AsyncIterable<SourceEntry>): AsyncGenerator<SourceEntry> {
    for await (const entry of source) {
      if (entry.kind === "file") {
        yield* this.#passFile(entry);
      } else {
        const { path, kind, mode, link_target } = entry;
        this.#write(tarHeader(entry, this.#mtime));
        this.#recorded.push({ path, kind, mode, size_bytes: 0, link_target, sha256: null, offset: 0 });
        yield entry;
      }
    }
    this.#isComplete = true;
  }

  /** Makes the baseline durable, index last, and opens it; the entries must have passed to their end. */
  async finish(): Promise<Baseline> {
    if (!this.#isComplete) throw new Error("a baseline is finished before its seed has passed");
    try {
      this.#write(tarEnd());
      this.#flush();
      // A pack without an index is what a killed process left.
      remove(this.#files.pack);
      await linkNameless(this.#pack, this.#files.pack);
    } finally {
      this.#pack.close();
    }
    this.#recorded.sort((one, other) => comparePaths(one.path, other.path));
    writeSealed(this.#files.index, indexOf(this.#recorded, this.#offset));
    return openBaseline(this.#directory);
  }

  /** Gives up what was recorded. */
  discard(): void {
    this.#isDiscarded = true;
    this.#pack.close();
  }

  async *#passFile(entry: SourceEntry): AsyncGenerator<SourceEntry> {
    const { path, kind, mode, size_bytes, link_target } = entry;
    this.#write(tarHeader(entry, this.#mtime));
    const offset = this.#offset;
    const hash = createHash("sha256");
    const chunks = entry.content()[Symbol.asyncIterator]();
    const next = async (): Promise<Uint8Array | undefined> => {
      const { done, value } = await chunks.next();
      if (done === true) return undefined;
      hash.update(value);
      this.#write(value);
      return value;
    };
    yield { path, kind, mode, size_bytes, link_target, content: () => untilUndefined(next) };
    while ((await next()) !== undefined);
    if (this.#offset - offset !== size_bytes) throw mismatch(entry, this.#offset - offset);
    this.#write(tarPadding(size_bytes));
    this.#recorded.push({ path, kind, mode, size_bytes, link_target, sha256: hash.digest("hex"), offset });
  }

  #write(chunk: Uint8Array): void {
    this.#gathered.push(chunk);
    this.#gathered_bytes += chunk.length;
    this.#offset += chunk.length;
    if (this.#gathered_bytes >= WRITE_BYTES) this.#flush();
  }

  #flush(): void {
    // Its descriptor may be another file's by now.
    if (this.#isDiscarded) throw new Error("a baseline is written after it was given up");
    this.#pack.write(Buffer.concat(this.#gathered));
    this.#gathered = [];
    this.#gathered_bytes = 0;
  }
}

async function* untilUndefined(next: () => Promise<Uint8Array | undefined>): AsyncGenerator<Uint8Array> {
  for (let chunk = await next(); chunk !== undefined; chunk = await next()) yield chunk;
}

function mismatch({ path, size_bytes }: SourceEntry, found: number): PyroError {
  return new PyroError("length_mismatch", `${showPath(path)} was to have ${size_bytes} bytes and has ${found}`, {
    details: { path, announced_bytes: size_bytes, found_bytes: found },
  });
}
