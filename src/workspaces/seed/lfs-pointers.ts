/** Finds Git LFS pointers among the files of a seed while it passes: small files that stand for large ones. */

import { showPath } from "../../contract/path-bytes.ts";
import type { SourceEntry } from "../../contract/tree.ts";

/** A pointer is smaller, says Git LFS. */
const MAX_POINTER_BYTES = 1_024;
const FIRST_LINE = Buffer.from("version https://git-lfs.github.com/spec/v1\n");
/** Paths that a warning names. */
const NAMED = 5;

export class LfsPointers {
  readonly #named: string[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The same entries. */
  async *pass(entries: AsyncIterable<SourceEntry>): AsyncGenerator<SourceEntry> {
    for await (const entry of entries) {
      const { kind, size_bytes } = entry;
      const isPossible = kind === "file" && size_bytes > FIRST_LINE.length && size_bytes <= MAX_POINTER_BYTES;
      yield isPossible ? this.#looked(entry) : entry;
    }
  }

  /** What a reader should know of them; nothing where there are none. */
  notes(): string[] {
    if (this.#count === 0) return [];
    const more = this.#count > this.#named.length ? " and others" : "";
    const files = this.#count === 1 ? "1 file is a Git LFS pointer" : `${this.#count} files are Git LFS pointers`;
    return [`${files}, whose content is not here: ${this.#named.map(showPath).join(", ")}${more}`];
  }

  #looked(entry: SourceEntry): SourceEntry {
    const looked = (head: Buffer) => this.#look(entry.path, head);
    async function* content(): AsyncGenerator<Uint8Array> {
      let head = Buffer.alloc(0);
      for await (const chunk of entry.content()) {
        if (head.length < FIRST_LINE.length) head = Buffer.concat([head, chunk]).subarray(0, FIRST_LINE.length);
        yield chunk;
      }
      looked(head);
    }
    return { ...entry, content };
  }

  #look(path: string, head: Buffer): void {
    if (!head.equals(FIRST_LINE)) return;
    this.#count += 1;
    if (this.#named.length < NAMED) this.#named.push(path);
  }
}
