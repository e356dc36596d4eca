/** What a row of the error table says. */

/** Who acts on an error: the caller at once, the caller with another id, the caller after a step, the operator, a retry, or us. */
export type ErrorKind = "usage" | "missing" | "conflict" | "host" | "guest" | "internal";

export interface ErrorRow {
  readonly kind: ErrorKind;
  /** What it means, for the reference. */
  readonly meaning: string;
  /** What to do next where the place that raised it knows nothing better. */
  readonly hint: string;
  /** Exit status that a shell gives for the same situation, where there is one. */
  readonly exitStatus?: number;
}
