/** Keeps the values of one workspace's secrets out of what is shown: streams, texts, documents, and parts of files. */
import { decodePath, encodePath } from "../../contract/path-bytes.ts";
import { Automaton } from "./automaton.ts";
import { formsOf } from "./forms.ts";
import { MARK, RedactingStream } from "./redacting-stream.ts";

/** Fields that hold one of a few words of pyro's, whatever a guest does; a secret may be such a word. */
export const wordFields: ReadonlySet<string> = new Set([
  "artifact_type",
  "encoding",
  "execution_mode",
  "kind",
  "network_policy",
  "origin_kind",
  "outcome_kind",
  "reason",
  "source",
  "state",
  "status",
  "verdict",
  "verification",
]);

/** Bytes of a file that surround the part that is wanted. */
export interface Surroundings {
  readonly offset: number;
  readonly max_bytes: number;
}

export class Redactor {
  readonly #automaton: Automaton;
  /** Length of the longest form in bytes */
  readonly #longest: number;

  constructor(values: readonly Buffer[]) {
    const forms = values.flatMap(formsOf);
    this.#automaton = new Automaton(forms);
    this.#longest = forms.reduce((longest, { length }) => Math.max(longest, length), 0);
  }

  /** Whether there is nothing to be kept out. */
  get isIdle(): boolean {
    return this.#automaton.isEmpty;
  }

  stream(): RedactingStream {
    return new RedactingStream(this.#automaton);
  }

  /** The same bytes where there is nothing to replace. */
  bytes(bytes: Buffer, isWhole = true): Buffer {
    if (this.isIdle) return bytes;
    const stream = this.stream();
    const begun = stream.push(bytes);
    const rest = stream.end(isWhole);
    return rest.length === 0 ? begun : Buffer.concat([begun, rest]);
  }

  /** Text whose lone surrogates are bytes, as in paths. */
  text(text: string, isWhole = true): string {
    if (this.isIdle) return text;
    const given = encodePath(text);
    const redacted = this.bytes(given, isWhole);
    return redacted.equals(given) ? text : decodePath(redacted);
  }

  /** Every text in a document, but neither the names of its fields nor pyro's own words. */
  document<T>(value: T): T;
  document(value: unknown): unknown {
    if (this.isIdle) return value;
    if (typeof value === "string") return this.text(value);
    if (Array.isArray(value)) return value.map((each: unknown) => this.document(each));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]: [string, unknown]) => [name, this.#field(name, each)]),
    );
  }

  #field(name: string, value: unknown): unknown {
    return typeof value === "string" && wordFields.has(name) ? value : this.document(value);
  }

  /** What has to be read of a file for a part of it to be shown: a value may begin before it and end behind it. */
  surrounding({ offset, max_bytes }: Surroundings): Surroundings {
    const before = Math.min(offset, this.#longest);
    return { offset: offset - before, max_bytes: before + max_bytes + this.#longest };
  }

  /** The bytes from `start` to `end` of `around`; each value that reaches into them is replaced. */
  within(around: Buffer, start: number, end: number): Buffer {
    const wanted = around.subarray(start, end);
    if (this.isIdle) return wanted;
    const parts: Buffer[] = [];
    let at = start;
    for (const span of this.stream().spansIn(around)) {
      if (span.end <= start || span.start >= end) continue;
      parts.push(around.subarray(at, Math.max(at, span.start)), MARK);
      at = Math.min(span.end, end);
    }
    return parts.length === 0 ? wanted : Buffer.concat([...parts, around.subarray(at, end)]);
  }
}
