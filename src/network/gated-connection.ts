/** The host's end of one allowed connection: counted, held while its first bytes are judged, and never faster than its reader. */
import { Duplex } from "node:stream";
import type { FirstBytes, FirstVerdict } from "./first-bytes.ts";

export interface GatedOptions {
  /** Judges what the guest sends first; absent where anything may be sent */
  readonly first: FirstBytes | undefined;
  /** Time for the first bytes to be judged, from the first of them, in milliseconds */
  readonly first_ms: number;
  /** Time without a byte in either direction, in milliseconds */
  readonly idle_ms: number;
  count(way: "up" | "down", bytes: number): void;
  /** The first bytes did not pass */
  refused(): void;
  ended(): void;
}

type Done = (error?: Error | null) => void;

/** What is used of a socket beside its stream. */
interface Resettable extends Duplex {
  resetAndDestroy?(): unknown;
}

export class GatedConnection extends Duplex {
  readonly #socket: Resettable;
  readonly #options: GatedOptions;
  readonly #idle: NodeJS.Timeout;
  #first: FirstBytes | undefined;
  #hurry: NodeJS.Timeout | undefined;

  constructor(socket: Resettable, options: GatedOptions) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#options = options;
    this.#first = options.first;
    this.#idle = setTimeout(() => this.destroy(new Error("no byte for too long")), options.idle_ms);
    socket.pause();
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.once("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.once("close", () => this.#closed());
    // Whoever uses it hears of errors by other ways too, or has gone.
    this.on("error", () => {});
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: Done): void {
    this.#idle.refresh();
    if (this.#first === undefined) {
      this.#send(chunk, done);
      return;
    }
    this.#hurry ??= setTimeout(() => this.#refuse(), this.#options.first_ms);
    this.#conclude(this.#first, this.#first.take(chunk), done);
  }

  override _final(done: Done): void {
    if (this.#first === undefined) this.#end(done);
    else this.#conclude(this.#first, this.#first.end(), (error) => (error ? done(error) : this.#end(done)));
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#hurry);
    if (error !== null && this.#socket.resetAndDestroy !== undefined) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#options.ended();
    done(error);
  }

  #conclude(first: FirstBytes, verdict: FirstVerdict, done: Done): void {
    if (verdict === "more") {
      done();
      return;
    }
    clearTimeout(this.#hurry);
    if (verdict === "deny") {
      this.#refuse();
      done();
      return;
    }
    this.#first = undefined;
    this.#send(first.held, done);
  }

  #refuse(): void {
    this.#options.refused();
    this.destroy(new Error("the first bytes do not ask for the name that was allowed"));
  }

  /** Takes the next part when the socket has room for it. */
  #send(chunk: Buffer, done: Done): void {
    if (chunk.length === 0) {
      done();
      return;
    }
    this.#options.count("up", chunk.length);
    this.#socket.write(chunk, done);
  }

  #end(done: Done): void {
    this.#socket.end(() => done());
  }

  #received(chunk: Buffer): void {
    this.#idle.refresh();
    this.#options.count("down", chunk.length);
    if (!this.push(chunk)) this.#socket.pause();
  }

  #closed(): void {
    if (!this.#socket.readableEnded) this.destroy(new Error("the connection broke off"));
  }
}
