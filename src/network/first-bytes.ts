/** Holds a client's first bytes on port 443 until it is known whether they ask for the name that the connection was allowed for. */
import { MAX_HELLO_BYTES, readFirstBytes } from "./client-hello.ts";
import { readHost } from "./host-name.ts";

export type FirstVerdict = "more" | "pass" | "deny";

export class FirstBytes {
  readonly #name: string;
  readonly #is_strict: boolean;
  #bytes = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #length = 0;
  #needs = 1;

  /** Where it is strict, only TLS that names the host passes; elsewhere only TLS that names another one does not. */
  constructor(name: string, is_strict: boolean) {
    this.#name = name;
    this.#is_strict = is_strict;
  }

  /** What came so far. */
  get held(): Buffer {
    this.#gather();
    return this.#bytes;
  }

  take(chunk: Buffer): FirstVerdict {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needs) return "more";
    this.#gather();
    const seen = readFirstBytes(this.#bytes.subarray(0, MAX_HELLO_BYTES));
    switch (seen.state) {
      case "more":
        this.#needs = Math.min(seen.needs, MAX_HELLO_BYTES);
        return "more";
      case "not_tls":
        return this.#is_strict ? "deny" : "pass";
      case "malformed":
        return "deny";
      case "hello":
        return this.#judge(seen.name);
    }
  }

  /** The client sends no more. */
  end(): FirstVerdict {
    return this.#length === 0 || !this.#is_strict ? "pass" : "deny";
  }

  #judge(name: string | undefined): FirstVerdict {
    if (name === undefined) return this.#is_strict ? "deny" : "pass";
    return readHost(name)?.name === this.#name ? "pass" : "deny";
  }

  #gather(): void {
    if (this.#chunks.length === 0) return;
    this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks]);
    this.#chunks = [];
  }
}
