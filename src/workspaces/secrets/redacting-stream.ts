/** Replaces what must not be shown in a stream of bytes, wherever the stream is cut into chunks. */
import type { Automaton } from "./automaton.ts";
import { SHORTEST_FORM } from "./forms.ts";

/** What stands in place of a value. */
export const REDACTED = "[REDACTED]";
export const MARK = Buffer.from(REDACTED);
const NOTHING = Buffer.alloc(0);
/** Beginnings of forms below this length are shown where output pauses, in bytes (docs/design/limits.md). */
const SETTLED_BYTES = 4;

/** What is to be replaced; a silent one goes on with one that was replaced already. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly silent: boolean;
}

/** A long form that has begun and may go on. */
interface Following {
  readonly tail: Buffer;
  readonly matched: number;
}

/** One stream, from its beginning to its end. Positions count from the first byte that was not handed out yet. */
export class RedactingStream {
  readonly #automaton: Automaton;
  #state = 0;
  #held: Buffer = NOTHING;
  #spans: Span[] = [];
  #following: Following[] = [];
  /** Whether the last that was handed out was a mark */
  #isAfterMark = false;

  constructor(automaton: Automaton) {
    this.#automaton = automaton;
  }

  /** Whether something waits for what comes next. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Takes a chunk, and gives what can be shown by now: all but what may be the beginning of a value. */
  push(data: Buffer): Buffer {
    if (this.#automaton.isEmpty) return data;
    const bytes = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    this.#scan(bytes, this.#held.length);
    return this.#handOut(bytes, bytes.length - this.#automaton.depth(this.#state));
  }

  /** Where there is something to replace in all of a stream. */
  spansIn(bytes: Buffer): readonly Span[] {
    this.#scan(bytes, 0);
    return this.#spans;
  }

  /** Output pauses: gives the few bytes that wait, where they are few. What they may be the beginning of is found all the same. */
  settle(): Buffer {
    if (this.#automaton.depth(this.#state) >= SETTLED_BYTES) return NOTHING;
    return this.#handOut(this.#held, this.#held.length);
  }

  /** No more comes. What could be a value that was cut off is replaced as well, unless the stream is known to be whole. */
  end(isWhole = false): Buffer {
    const bytes = this.#held;
    const depth = this.#automaton.depth(this.#state);
    if (!isWhole && depth >= SHORTEST_FORM) this.#note(bytes.length - depth, bytes.length);
    const rest = this.#handOut(bytes, bytes.length);
    this.#state = 0;
    this.#following = [];
    return rest;
  }

  #scan(bytes: Buffer, from: number): void {
    const automaton = this.#automaton;
    for (const { tail, matched } of this.#following.splice(0)) this.#follow(bytes, from, tail, matched);
    let state = this.#state;
    for (let at = from; at < bytes.length; at += 1) {
      state = automaton.next(state, bytes[at] ?? 0);
      const length = automaton.longest(state);
      if (length > 0) this.#found(bytes, state, at + 1 - length, at + 1);
    }
    this.#state = state;
  }

  #found(bytes: Buffer, state: number, start: number, end: number): void {
    this.#note(start, end);
    for (const tail of this.#automaton.tails(state)) this.#follow(bytes, end, tail, 0);
  }

  /** A long form goes on as long as its bytes come. */
  #follow(bytes: Buffer, at: number, tail: Buffer, matched: number): void {
    const rest = tail.subarray(matched);
    const length = commonLength(bytes.subarray(at, at + rest.length), rest);
    if (length > 0) this.#note(at - 1, at + length);
    if (length < rest.length && at + length === bytes.length) this.#following.push({ tail, matched: matched + length });
  }

  /** Joins what overlaps. */
  #note(start: number, end: number): void {
    let begin = Math.max(0, start);
    let last_end = end;
    let silent = this.#isAfterMark && start < 0;
    for (let last = this.#spans.at(-1); last !== undefined && last.end > start; last = this.#spans.at(-1)) {
      begin = Math.min(begin, last.start);
      last_end = Math.max(last_end, last.end);
      silent ||= last.silent;
      this.#spans.pop();
    }
    this.#spans.push({ start: begin, end: last_end, silent });
  }

  /** Gives everything before `safe`, and what is replaced from there on; keeps the rest. */
  #handOut(bytes: Buffer, safe: number): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    while (this.#spans[0] !== undefined && this.#spans[0].start <= safe) {
      const { start, end, silent } = this.#spans[0];
      this.#spans.shift();
      if (start > at) parts.push(bytes.subarray(at, start));
      if (!silent) parts.push(MARK);
      at = end;
      this.#isAfterMark = true;
    }
    if (safe > at) {
      parts.push(bytes.subarray(at, safe));
      at = safe;
      this.#isAfterMark = false;
    }
    this.#held = at === bytes.length ? NOTHING : Buffer.from(bytes.subarray(at));
    this.#spans = this.#spans.map(({ start, end, silent }) => ({ start: start - at, end: end - at, silent }));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }
}

/** How many bytes two sequences begin with that are the same. */
function commonLength(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  if (one.subarray(0, length).equals(other.subarray(0, length))) return length;
  let at = 0;
  while (one[at] === other[at]) at += 1;
  return at;
}
