/** Reads the headers of a layer's tar as its bytes go by; content is passed over, and where it lies is noted. */
import type { Budget } from "./budget.ts";
import type { LayerEntry } from "./inode.ts";
import { MAX_EXTENSION_BYTES } from "./limits.ts";
import { invalid, LayerProblem, tooLarge } from "./problems.ts";
import { SparseFile } from "./sparse-file.ts";
import { BLOCK_BYTES, type Block, parseBlock } from "./tar-block.ts";
import { entryOf, kindOf } from "./tar-entry.ts";
import { parsePax, type Said } from "./tar-pax.ts";

const LONG_NAME = "L";
const LONG_LINK = "K";
const PAX = "x";
const PAX_GLOBAL = "g";

/** Bytes of `size` with the padding to the next block. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** A scanner of one layer. Bytes go in as they come; entries come out in order. Raises `LayerProblem`. */
export class TarScanner {
  readonly #layer: number;
  readonly #budget: Budget;
  readonly #onEntry: (entry: LayerEntry) => void;
  #position = 0;
  /** Bytes to pass over, and how many of them are padding, which an archive may end without */
  #skip = 0;
  #padding = 0;
  /** Bytes that are read next as one piece, and what is there of them */
  #want = BLOCK_BYTES;
  #parts: Buffer[] = [];
  #have = 0;
  #next: (piece: Buffer) => void = (piece) => this.#takeHeader(piece);
  #said: Said = {};
  #zero_blocks = 0;

  constructor(layer: number, budget: Budget, onEntry: (entry: LayerEntry) => void) {
    this.#layer = layer;
    this.#budget = budget;
    this.#onEntry = onEntry;
  }

  /** Takes the next bytes of the layer. */
  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const isPassing = this.#skip > 0;
      const most = isPassing ? this.#skip : this.#want - this.#have;
      const count = Math.min(most, chunk.length - at);
      if (isPassing) this.#skip -= count;
      else this.#parts.push(chunk.subarray(at, at + count));
      if (!isPassing) this.#have += count;
      at += count;
      this.#position += count;
      if (!isPassing && this.#have === this.#want) this.#takePiece();
    }
  }

  /** Where contents end that need not be read; whoever can reads on from there. */
  passOver(): number {
    const content = Math.max(0, this.#skip - this.#padding);
    this.#position += content;
    this.#skip -= content;
    return this.#position;
  }

  /** The layer is at its end. The last content's padding and the two empty blocks may be missing there, as other readers have it. */
  end(): void {
    const isWhole = this.#have === 0 && this.#skip <= this.#padding && this.#want === BLOCK_BYTES;
    if (this.#zero_blocks >= 2) return;
    if (!isWhole)
      throw new LayerProblem("layer_truncated", `ends in the middle of an entry, at byte ${this.#position}`);
    if (this.#said.name !== undefined || this.#said.link !== undefined || this.#said.pax !== undefined)
      throw invalid("ends where an entry was announced", this.#position);
  }

  #takePiece(): void {
    const [first] = this.#parts;
    const piece = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#have = 0;
    this.#next(piece);
  }

  /** Reads so many bytes next, as one piece; none at all are taken at once. */
  #read(length: number, next: (piece: Buffer) => void): void {
    this.#want = length;
    this.#next = next;
    if (length === 0) next(Buffer.alloc(0));
  }

  #readHeader(): void {
    this.#read(BLOCK_BYTES, (piece) => this.#takeHeader(piece));
  }

  #takeHeader(piece: Buffer): void {
    // What follows the end is no part of the archive, though of the layer and its hash.
    if (this.#zero_blocks >= 2) return;
    const offset = this.#position - BLOCK_BYTES;
    if (isZero(piece)) {
      this.#zero_blocks += 1;
      return;
    }
    if (this.#zero_blocks > 0) throw invalid("has an empty header", offset - BLOCK_BYTES);
    const block = parseBlock(piece, offset);
    this.#budget.takeEntry();
    if ([LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL].includes(block.type)) this.#takeExtension(block, offset);
    else this.#takeEntry(block, piece, offset);
  }

  #takeExtension({ type, size }: Block, offset: number): void {
    if (size < 0 || size > MAX_EXTENSION_BYTES)
      throw tooLarge(`describes one entry with ${size} bytes, at byte ${offset}`, MAX_EXTENSION_BYTES);
    this.#budget.takeDescribed(size);
    this.#read(padded(size), (piece) => {
      const content = piece.subarray(0, size);
      if (type === LONG_NAME) this.#said.name = untilZero(content);
      else if (type === LONG_LINK) this.#said.link = untilZero(content);
      else if (type === PAX) this.#said.pax = parsePax(content, offset);
      this.#readHeader();
    });
  }

  #takeEntry(block: Block, piece: Buffer, offset: number): void {
    const said = this.#said;
    this.#said = {};
    const entry = entryOf(block, said, offset);
    this.#budget.takeDescribed(entry.name.length + entry.inode.target.length + (entry.same_as ?? "").length);
    const sparse = kindOf(block) === "file" ? SparseFile.of(block, piece, said.pax, entry, offset) : undefined;
    if (sparse === undefined) this.#finish(entry);
    else this.#readMap(sparse);
  }

  /** A sparse file's map may go on in front of its content. */
  #readMap(sparse: SparseFile): void {
    if (!sparse.needsBlock) {
      this.#finish(sparse.entry());
      return;
    }
    this.#read(BLOCK_BYTES, (piece) => {
      this.#budget.takeDescribed(BLOCK_BYTES);
      sparse.take(piece, this.#position - BLOCK_BYTES);
      this.#readMap(sparse);
    });
  }

  #finish(entry: LayerEntry): void {
    const content = entry.inode.content;
    const placed = { ...content, layer: this.#layer, offset: this.#position };
    if (content === undefined) this.#onEntry(entry);
    else this.#onEntry({ ...entry, inode: { ...entry.inode, content: { ...content, ...placed } } });
    const stored = content?.stored ?? 0;
    this.#skip = padded(stored);
    this.#padding = this.#skip - stored;
    this.#readHeader();
  }
}

const isZero = (piece: Buffer) => piece[0] === 0 && piece.every((byte) => byte === 0);

function untilZero(content: Buffer): string {
  const end = content.indexOf(0);
  return content.toString("latin1", 0, end < 0 ? content.length : end);
}
