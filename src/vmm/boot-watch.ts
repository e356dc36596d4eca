/** Reads a guest's console until its agent is ready, has failed, or the deadline has passed. */
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { cleanText } from "../contract/text.ts";
import { Ring } from "./ring.ts";

/** What is kept of a console, in bytes (docs/design/limits.md). */
const CONSOLE_BYTES = 65_536;
const MAX_LINE = 8192;
/** Longest text of the guest's that an error carries, in characters (docs/design/limits.md). */
const MAX_TEXT = 2048;
const READY = "pyro-agent: ready";
const FAILED = "pyro-agent: boot failed ";

const bootFailure = z.strictObject({ stage: z.string(), errno: z.int().nullable(), message: z.string() });

/** The agent's own account of a boot that failed. */
export type BootFailure = z.infer<typeof bootFailure>;

/** Follows one console from its first byte. */
export class BootWatch {
  readonly ring = new Ring(CONSOLE_BYTES);
  /** Resolves at readiness; rejects with `boot_failed` as soon as the agent says so. */
  readonly ready: Promise<void>;
  #line = "";
  #decoder = new StringDecoder("utf8");
  #settled = false;
  #succeed: () => void = () => {};
  #fail: (error: PyroError) => void = () => {};

  constructor(console: Readable) {
    this.ready = new Promise((resolve, reject) => {
      this.#succeed = resolve;
      this.#fail = reject;
    });
    this.ready.catch(() => {});
    console.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    this.ring.push(chunk);
    if (this.#settled) return;
    const lines = (this.#line + this.#decoder.write(chunk)).split("\n");
    this.#line = (lines.pop() ?? "").slice(-MAX_LINE);
    for (const line of lines) this.#judge(line);
  }

  #judge(line: string): void {
    if (line.includes(READY)) {
      this.#settled = true;
      this.#succeed();
      return;
    }
    const at = line.indexOf(FAILED);
    if (at < 0) return;
    this.#settled = true;
    this.#fail(bootError(line.slice(at + FAILED.length).trim()));
  }
}

function bootError(text: string): PyroError {
  const failure = readFailure(text);
  if (failure === undefined) return new PyroError("boot_failed", `The guest could not boot: ${shown(text)}`);
  const stage = shown(failure.stage);
  const message = `The guest could not boot: ${stage}: ${shown(failure.message)}`;
  return new PyroError("boot_failed", message, { details: { stage, errno: failure.errno } });
}

function shown(text: string): string {
  return cleanText(text).slice(0, MAX_TEXT);
}

function readFailure(text: string): BootFailure | undefined {
  try {
    return bootFailure.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
