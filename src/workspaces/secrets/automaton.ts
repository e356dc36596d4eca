/** Finds many byte sequences in one pass over a stream (Aho and Corasick); of long ones their beginning, which is then followed as far as it goes on. */

/** What of a form is in the automaton, in bytes (docs/design/limits.md). */
const HEAD_BYTES = 256;
/** States whose every successor is in a table; ordinary output hardly ever leaves them. */
const TABLED = 256;
const BYTES = 256;

/** A state's place among the sorted forms: those that begin with the bytes that led to it. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** States are numbers, 0 the first; the successors of one stand together, and a state comes before those that are deeper. */
export class Automaton {
  readonly #heads: Buffer[];
  readonly #tails: Map<string, Buffer[]>;
  readonly #byte: number[] = [0];
  readonly #first: number[] = [0];
  readonly #count: number[] = [0];
  readonly #fallback: number[] = [0];
  readonly #depth: number[] = [0];
  readonly #longest: number[] = [0];
  readonly #followed = new Map<number, readonly Buffer[]>();
  #table = new Int32Array(0);

  constructor(forms: readonly Buffer[]) {
    this.#tails = tailsByHead(forms);
    this.#heads = [...this.#tails.keys()].map((head) => Buffer.from(head, "latin1")).sort(Buffer.compare);
    this.#build();
    this.#tabulate();
  }

  /** Whether there is nothing to be found. */
  get isEmpty(): boolean {
    return this.#heads.length === 0;
  }

  /** The state after one more byte. */
  next(state: number, byte: number): number {
    let at = state;
    while (at >= TABLED) {
      const found = this.#successor(at, byte);
      if (found > 0) return found;
      at = this.#fallback[at] ?? 0;
    }
    return this.#table[at * BYTES + byte] ?? 0;
  }

  /** Length of the longest beginning of a form that ends here. */
  depth(state: number): number {
    return this.#depth[state] ?? 0;
  }

  /** Length of the longest form, or head of one, that ends here; 0 where none does. */
  longest(state: number): number {
    return this.#longest[state] ?? 0;
  }

  /** What long forms go on with whose head ends here. */
  tails(state: number): readonly Buffer[] {
    return this.#followed.get(state) ?? [];
  }

  #build(): void {
    const ranges: Range[] = [{ from: 0, to: this.#heads.length }];
    for (let state = 0; state < ranges.length; state += 1) {
      const range = ranges[state];
      if (range === undefined) return;
      const depth = this.depth(state);
      const rest = this.#end(state, range, depth);
      this.#first[state] = ranges.length;
      for (const { from, to } of groups(this.#heads, rest, depth)) {
        ranges.push({ from, to });
        this.#add(state, this.#heads[from]?.[depth] ?? 0, depth + 1);
      }
    }
  }

  /** Notes the form that ends in a state, and gives the range of those that go on. */
  #end(state: number, { from, to }: Range, depth: number): Range {
    const head = this.#heads[from];
    this.#longest[state] = this.longest(this.#fallback[state] ?? 0);
    if (depth === 0 || head === undefined || head.length > depth) return { from, to };
    this.#longest[state] = depth;
    const tails = this.#tails.get(head.toString("latin1")) ?? [];
    if (tails.length > 0) this.#followed.set(state, tails);
    return { from: from + 1, to };
  }

  #add(parent: number, byte: number, depth: number): void {
    this.#byte.push(byte);
    this.#count.push(0);
    this.#first.push(0);
    this.#longest.push(0);
    this.#depth.push(depth);
    this.#count[parent] = (this.#count[parent] ?? 0) + 1;
    this.#fallback.push(parent === 0 ? 0 : this.#search(this.#fallback[parent] ?? 0, byte));
  }

  /** The state after a byte, without the table. */
  #search(state: number, byte: number): number {
    for (let at = state; ; at = this.#fallback[at] ?? 0) {
      const found = this.#successor(at, byte);
      if (found > 0 || at === 0) return found;
    }
  }

  #successor(state: number, byte: number): number {
    const first = this.#first[state] ?? 0;
    const end = first + (this.#count[state] ?? 0);
    for (let at = first; at < end; at += 1) if (this.#byte[at] === byte) return at;
    return 0;
  }

  #tabulate(): void {
    const rows = Math.min(TABLED, this.#byte.length);
    this.#table = new Int32Array(rows * BYTES);
    for (let state = 0; state < rows; state += 1) {
      const fallback = (this.#fallback[state] ?? 0) * BYTES;
      for (let byte = 0; state > 0 && byte < BYTES; byte += 1)
        this.#table[state * BYTES + byte] = this.#table[fallback + byte] ?? 0;
      const first = this.#first[state] ?? 0;
      for (let at = first; at < first + (this.#count[state] ?? 0); at += 1)
        this.#table[state * BYTES + (this.#byte[at] ?? 0)] = at;
    }
  }
}

function tailsByHead(forms: readonly Buffer[]): Map<string, Buffer[]> {
  const tails = new Map<string, Buffer[]>();
  for (const form of forms) {
    const head = form.toString("latin1", 0, HEAD_BYTES);
    const known = tails.get(head) ?? [];
    if (form.length > HEAD_BYTES) known.push(form.subarray(HEAD_BYTES));
    tails.set(head, known);
  }
  return tails;
}

/** Sorted forms of a range by their byte at a position. */
function* groups(heads: readonly Buffer[], { from, to }: Range, at: number): Generator<Range> {
  for (let begin = from; begin < to; ) {
    const byte = heads[begin]?.[at];
    let end = begin + 1;
    while (end < to && heads[end]?.[at] === byte) end += 1;
    yield { from: begin, to: end };
    begin = end;
  }
}
