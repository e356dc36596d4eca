/** Sparse files in a layer: GNU's old form, and the three of pax (0.0, 0.1 and 1.0). */
import type { LayerEntry, SparsePart } from "./inode.ts";
import { MAX_EXTENSION_BYTES, MAX_SPARSE_PARTS } from "./limits.ts";
import { invalid, tooLarge } from "./problems.ts";
import { BLOCK_BYTES, type Block, oldSparseBlock, oldSparseHeader } from "./tar-block.ts";
import { checkParts, decimal, type Pax, pairsOf } from "./tar-pax.ts";

const NEWLINE = 0x0a;

/** A sparse file whose map is being read. */
export class SparseFile {
  readonly #entry: LayerEntry;
  readonly #offset: number;
  readonly #size: number;
  readonly #form: "old" | "text" | "known";
  #parts: SparsePart[];
  #goes_on: boolean;
  /** Of a map that is text: its blocks, its lines so far, and how many there will be */
  readonly #blocks: Buffer[] = [];
  #lines = 0;
  #map_bytes = 0;

  private constructor(
    entry: LayerEntry,
    offset: number,
    start: { form: "old" | "text" | "known"; size: number; parts: SparsePart[]; goes_on: boolean },
  ) {
    this.#entry = entry;
    this.#offset = offset;
    this.#size = start.size;
    this.#form = start.form;
    this.#parts = start.parts;
    this.#goes_on = start.goes_on;
  }

  /** The sparse file that a header begins; undefined where it begins a plain one. */
  static of(
    block: Block,
    piece: Buffer,
    pax: Pax | undefined,
    entry: LayerEntry,
    offset: number,
  ): SparseFile | undefined {
    if (block.type === "S") {
      const { parts, goes_on, real_size } = oldSparseHeader(piece, offset);
      return new SparseFile(entry, offset, { form: "old", size: real_size, parts, goes_on });
    }
    const values = pax?.values ?? new Map<string, string>();
    const stated = values.get("GNU.sparse.realsize") ?? values.get("GNU.sparse.size");
    if (stated === undefined) return undefined;
    const size = decimal(stated, "sparse size", offset);
    if (values.get("GNU.sparse.major") === "1")
      return new SparseFile(entry, offset, { form: "text", size, parts: [], goes_on: true });
    const map = values.get("GNU.sparse.map");
    const listed = map?.split(",").map((text) => decimal(text, "map of a sparse file", offset));
    const parts = pairsOf(listed ?? pax?.sparse_numbers ?? [], offset);
    return new SparseFile(entry, offset, { form: "known", size, parts, goes_on: false });
  }

  /** Whether another block of the map follows. */
  get needsBlock(): boolean {
    return this.#goes_on;
  }

  /** Takes the next block of the map, which begins at byte `offset` of the layer. */
  take(block: Buffer, offset: number): void {
    if (this.#form === "text") this.#takeText(block);
    else {
      const { parts, goes_on } = oldSparseBlock(block, offset);
      this.#parts.push(...parts);
      this.#goes_on = goes_on;
    }
    if (this.#parts.length > MAX_SPARSE_PARTS) throw tooLarge("has a sparse file of too many parts", MAX_SPARSE_PARTS);
  }

  #takeText(block: Buffer): void {
    this.#map_bytes += BLOCK_BYTES;
    if (this.#map_bytes > MAX_EXTENSION_BYTES) throw tooLarge("has too long a sparse file's map", MAX_EXTENSION_BYTES);
    this.#blocks.push(Buffer.from(block));
    for (const byte of block) if (byte === NEWLINE) this.#lines += 1;
    const [first] = this.#blocks;
    const end = first?.indexOf(NEWLINE) ?? -1;
    if (first === undefined || end < 0) throw invalid("has a broken map of a sparse file", this.#offset);
    const count = decimal(first.toString("latin1", 0, end), "map of a sparse file", this.#offset);
    if (this.#lines < 1 + 2 * count) return;
    const lines = Buffer.concat(this.#blocks)
      .toString("latin1")
      .split("\n", 1 + 2 * count);
    const numbers = lines.slice(1).map((text) => decimal(text, "map of a sparse file", this.#offset));
    this.#parts = pairsOf(numbers, this.#offset);
    this.#goes_on = false;
  }

  /** The entry, with its size and what is stored of it. */
  entry(): LayerEntry {
    const { inode } = this.#entry;
    const stored = (inode.content?.stored ?? 0) - this.#map_bytes;
    checkParts(this.#parts, this.#size, stored, this.#offset);
    const parts = this.#parts.filter(([, length]) => length > 0);
    const content = { layer: 0, offset: 0, stored, parts };
    return { ...this.#entry, inode: { ...inode, size: this.#size, content } };
  }
}
