/** What became of the connections that one guest asked for: the newest one by one, all of them in totals. */
import type { DenialRule, FailureRule } from "./egress-decision.ts";

/** Connections that are remembered one by one (docs/design/limits.md). */
export const CONNECTIONS_KEPT = 1000;

/** What was asked for. */
export interface Asked {
  readonly host: string;
  /** Null for a name that was looked up, which has no port yet */
  readonly port: number | null;
  /** The command's number in the guest, where it is known whose it was */
  readonly pid: number | null;
}

export interface ConnectionView {
  readonly host: string;
  readonly port: number | null;
  readonly verdict: "allowed" | "denied" | "failed";
  /** The rule that allowed it, or why it was denied or failed */
  readonly rule: string;
  readonly hint: string | null;
  readonly bytes_up: number;
  readonly bytes_down: number;
  readonly began_at: string;
  /** Null while it is open */
  readonly ended_at: string | null;
}

export interface ConnectionTotals {
  readonly allowed_count: number;
  readonly denied_count: number;
  readonly failed_count: number;
  readonly open_count: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
}

/** A denial as those hear of it who wait for the ones of a command. */
export interface Denial extends Asked {
  readonly rule: DenialRule;
  readonly hint: string;
}

/** One connection in the book, while it goes on. */
export class ConnectionEntry {
  readonly #book: ConnectionBook;
  readonly #asked: Asked;
  readonly #began_at = new Date().toISOString();
  #verdict: ConnectionView["verdict"] = "allowed";
  #rule: string;
  #hint: string | null = null;
  #bytes = { up: 0, down: 0 };
  #ended_at: string | null = null;

  constructor(book: ConnectionBook, asked: Asked, rule: string) {
    this.#book = book;
    this.#asked = asked;
    this.#rule = rule;
  }

  count(way: "up" | "down", bytes: number): void {
    this.#bytes[way] += bytes;
    this.#book.add(way, bytes);
  }

  /** It was not to be, or not any further. */
  deny(rule: DenialRule, hint: string): void {
    if (this.#verdict !== "allowed") return;
    this.#close("denied", rule, hint);
    this.#book.tell({ ...this.#asked, rule, hint });
  }

  fail(rule: FailureRule, reason: string): void {
    if (this.#verdict === "allowed") this.#close("failed", rule, reason);
  }

  end(): void {
    if (this.#ended_at === null) this.#close(this.#verdict, this.#rule, this.#hint);
  }

  view(): ConnectionView {
    const { host, port } = this.#asked;
    return {
      host,
      port,
      verdict: this.#verdict,
      rule: this.#rule,
      hint: this.#hint,
      bytes_up: this.#bytes.up,
      bytes_down: this.#bytes.down,
      began_at: this.#began_at,
      ended_at: this.#ended_at,
    };
  }

  #close(verdict: ConnectionView["verdict"], rule: string, hint: string | null): void {
    const wasOpen = this.#ended_at === null;
    [this.#verdict, this.#rule, this.#hint] = [verdict, rule, hint];
    this.#ended_at ??= new Date().toISOString();
    this.#book.closed(verdict, wasOpen);
  }
}

export class ConnectionBook {
  readonly #entries: ConnectionEntry[] = [];
  readonly #listeners = new Set<(denial: Denial) => void>();
  readonly #counts = { allowed: 0, denied: 0, failed: 0 };
  readonly #bytes = { up: 0, down: 0 };
  #open = 0;

  /** Begins a connection, allowed by this rule until something else is said of it. */
  begin(asked: Asked, rule: string): ConnectionEntry {
    const entry = new ConnectionEntry(this, asked, rule);
    this.#entries.push(entry);
    if (this.#entries.length > CONNECTIONS_KEPT) this.#entries.shift();
    this.#counts.allowed += 1;
    this.#open += 1;
    return entry;
  }

  /** The newest connections, oldest first. */
  list(): ConnectionView[] {
    return this.#entries.map((entry) => entry.view());
  }

  totals(): ConnectionTotals {
    const { allowed, denied, failed } = this.#counts;
    const counts = { allowed_count: allowed, denied_count: denied, failed_count: failed, open_count: this.#open };
    return { ...counts, bytes_up: this.#bytes.up, bytes_down: this.#bytes.down };
  }

  /** Calls `listener` at every denial; gives what stops that. */
  onDenial(listener: (denial: Denial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For an entry of this book: bytes that it carried. */
  add(way: "up" | "down", bytes: number): void {
    this.#bytes[way] += bytes;
  }

  /** For an entry of this book: how it ended. */
  closed(verdict: ConnectionView["verdict"], wasOpen: boolean): void {
    if (wasOpen) this.#open -= 1;
    if (verdict === "allowed") return;
    this.#counts.allowed -= 1;
    this.#counts[verdict] += 1;
  }

  /** For an entry of this book: it was denied. */
  tell(denial: Denial): void {
    for (const listener of [...this.#listeners]) listener(denial);
  }
}
