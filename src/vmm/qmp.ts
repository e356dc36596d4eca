/** Host end of QEMU's monitor (QMP): one JSON document per line, commands answered in their order, events between them. */
import type { Duplex } from "node:stream";
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { cleanText } from "../contract/text.ts";
import { sendWithFile } from "../platform/child.ts";

/** Longest answer that is read, in characters: a VMM that a guest has taken over may send anything (docs/design/limits.md). */
const MAX_LINE = 65_536;
/** Longest text of the VMM's that an error carries, in characters. */
const MAX_TEXT = 512;

const reply = z.union([
  z.object({ event: z.string(), data: z.unknown().optional() }),
  z.object({ error: z.object({ desc: z.string() }) }),
  z.object({ return: z.unknown() }),
  z.object({ QMP: z.unknown() }),
]);

type Reply = z.infer<typeof reply>;

interface Call {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: PyroError) => void;
}

interface Watch {
  /** Whether this event is the one that is waited for; settles it in that case */
  readonly take: (event: string, data: unknown) => boolean;
  readonly reject: (error: PyroError) => void;
}

/** Speaks to one QEMU. A violation, or the end of the stream, fails everything that is open and every later call. */
export class Qmp {
  readonly #stream: Duplex;
  readonly #calls: Call[] = [];
  #watches: Watch[] = [];
  #line = "";
  #ended: PyroError | undefined;

  /** Takes the stream over, and leaves QEMU's negotiation mode. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => this.#take(text));
    stream.once("close", () => this.#end("it closed its monitor"));
    // Commands are answered in order, so that this need not wait for QEMU's greeting.
    this.execute("qmp_capabilities").catch(() => {});
  }

  /** Sends a command, and gives what it returned, unchecked. Throws `vm_start_failed` with QEMU's own words. */
  execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#call(command, (document) => void this.#stream.write(document), args);
  }

  /** Sends a command with an open file of ours beside it, which QEMU keeps; `launcher` is the agent's path. */
  giveFile(
    launcher: string,
    fd: number,
    command: "getfd" | "add-fd",
    args: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    return this.#call(command, (document) => sendWithFile(launcher, this.#stream, document, fd), args);
  }

  /** The first event that `look` makes something of; rejects where the monitor ends before. */
  event<T>(look: (event: string, data: unknown) => T | undefined): Promise<T> {
    const seen = new Promise<T>((resolve, reject) => {
      const take = (event: string, data: unknown) => {
        const value = look(event, data);
        if (value !== undefined) resolve(value);
        return value !== undefined;
      };
      if (this.#ended !== undefined) reject(this.#ended);
      else this.#watches.push({ take, reject });
    });
    // Whoever waits for it may have failed before.
    seen.catch(() => {});
    return seen;
  }

  #call(
    command: string,
    send: (document: string) => void | Promise<void>,
    args?: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#calls.push({ command, resolve, reject });
      const sent = Promise.resolve(send(`${JSON.stringify({ execute: command, arguments: args })}\n`));
      // What was not sent is not answered, and every later answer would be taken for its own.
      sent.catch((error) => {
        reject(error);
        this.#end("a command could not be sent");
      });
    });
  }

  #take(text: string): void {
    if (this.#ended !== undefined) return;
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#answer(line);
    if (this.#line.length > MAX_LINE) this.#end("its answer is too long");
  }

  #answer(line: string): void {
    const document = parse(line);
    if (document === undefined) this.#end(`it answered "${shown(line)}"`);
    else if ("event" in document) this.#tell(document.event, document.data);
    else if (!("QMP" in document)) this.#settle(document);
  }

  #tell(event: string, data: unknown): void {
    this.#watches = this.#watches.filter(({ take }) => !take(event, data));
  }

  #settle(document: Exclude<Reply, { event: string } | { QMP: unknown }>): void {
    const call = this.#calls.shift();
    if (call === undefined) this.#end("it answered what nobody had asked");
    else if ("error" in document) call.reject(failure(`"${call.command}" failed: ${shown(document.error.desc)}`));
    else call.resolve(document.return);
  }

  #end(why: string): void {
    this.#ended ??= failure(why);
    for (const { reject } of [...this.#calls.splice(0), ...this.#watches.splice(0)]) reject(this.#ended);
    this.#stream.destroy();
  }
}

function parse(line: string): Reply | undefined {
  try {
    return reply.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function failure(why: string): PyroError {
  return new PyroError("vm_start_failed", `QEMU did not do as told: ${why}`);
}

function shown(text: string): string {
  return cleanText(text).slice(0, MAX_TEXT);
}
