/** What can be waited for: the end of a command, a line or silence of it, a port, a server, a file. */
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { PyroError } from "../../contract/errors.ts";
import { LinePattern } from "../../platform/line-pattern.ts";
import type { Message } from "../../wire/messages.ts";
import type { CommandLog } from "../history/command-log.ts";
import { batchesFrom } from "../history/lines.ts";
import type { MachineSession } from "../session.ts";

export interface WaitInput {
  /** The command that is waited for, or whose output or doing is */
  readonly sequence?: number | undefined;
  readonly port?: number | undefined;
  readonly http?: string | undefined;
  readonly log?: string | undefined;
  readonly file?: string | undefined;
  readonly quiet_ms?: number | undefined;
  readonly timeout_seconds: number;
  /** Where the output begins that the answer has */
  readonly cursor?: number | undefined;
}

/** What a look showed. */
export interface Sight {
  readonly state: "matched" | "waiting" | "target_died";
  readonly seen: string;
  /** When to look again if nothing happens before, in milliseconds; absent for when something does */
  readonly again_ms?: number;
}

/** A condition, and the command it is about, if any. */
export interface Condition {
  readonly subject: CommandLog | undefined;
  /** Whether it may hold as soon as the command prints something or ends */
  readonly heeds_output: boolean;
  look(signal: AbortSignal): Sight | Promise<Sight>;
}

interface Surroundings {
  readonly session: () => MachineSession;
  readonly command: (sequence: number | undefined) => CommandLog | undefined;
}

/** Pauses between two looks at a machine, in milliseconds. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
/** Shortest time between two looks at a log that grows, in milliseconds. */
const LOG_PAUSE_MS = 10;
const SEEN_CHARS = 512;
const MAX_PATH_BYTES = 2048;

const names = ["port", "http", "log", "file", "quiet_ms"] as const;
const flags = "--sequence, --port, --http, --log, --file or --quiet-ms";

/** The condition that was asked for. Throws `invalid_input` where there is not exactly one. */
export function conditionOf(input: WaitInput, around: Surroundings): Condition {
  const given = names.filter((name) => input[name] !== undefined);
  const [name] = given;
  if (given.length > 1 || (name === undefined && input.sequence === undefined))
    throw new PyroError("invalid_input", `Exactly one condition is needed, ${given.length} were given`, {
      hint: `Give one of ${flags}`,
      details: { conditions: given },
    });
  const subject = around.command(input.sequence);
  if (input.port !== undefined) return probing({ kind: "tcp", port: checkedPort(input.port) }, input, subject, around);
  if (input.http !== undefined) return probing({ kind: "http", url: checkedUrl(input.http) }, input, subject, around);
  if (input.file !== undefined) return probing({ kind: "file", path: checkedPath(input.file) }, input, subject, around);
  if (subject === undefined)
    throw new PyroError("invalid_input", "No command has been run yet whose output could be waited for");
  if (input.log !== undefined) return printing(new LinePattern(input.log), subject);
  if (input.quiet_ms !== undefined) return silent(input.quiet_ms, subject);
  return ended(subject);
}

/** What is said of a command that has or has not ended. */
function standing({ record }: CommandLog): string {
  return record.outcome === null ? "it runs" : `${record.outcome.kind}: ${record.outcome.detail}`;
}

function ended(subject: CommandLog): Condition {
  const look = (): Sight => ({ state: subject.is_running ? "waiting" : "matched", seen: standing(subject) });
  return { subject, heeds_output: true, look };
}

function silent(quiet_ms: number, subject: CommandLog): Condition {
  const look = (): Sight => {
    const quiet = performance.now() - subject.last_output_at;
    if (!subject.is_running) return { state: "target_died", seen: standing(subject) };
    const seen = `no output for ${Math.round(quiet)} ms`;
    return quiet >= quiet_ms
      ? { state: "matched", seen }
      : { state: "waiting", seen, again_ms: Math.ceil(quiet_ms - quiet) };
  };
  return { subject, heeds_output: true, look };
}

/** A line that is not over is looked at again when there is more of it. */
function printing(pattern: LinePattern, subject: CommandLog): Condition {
  let from = 0;
  let seen = "no output";
  const look = async (signal: AbortSignal): Promise<Sight> => {
    const died = !subject.is_running;
    for (const batch of batchesFrom(subject, from)) {
      const matching = pattern.test(batch.lines).indexOf(true);
      seen = (batch.lines.at(matching) ?? "").slice(0, SEEN_CHARS);
      if (matching >= 0) return { state: "matched", seen };
      from = batch.is_open ? batch.startOf(batch.lines.length - 1) : batch.end;
      await turn();
      if (signal.aborted) break;
    }
    return { state: died ? "target_died" : "waiting", seen };
  };
  return { subject, heeds_output: true, look: throttled(look) };
}

/** A log that grows at every moment is not read at every moment. */
function throttled(look: (signal: AbortSignal) => Promise<Sight>): (signal: AbortSignal) => Promise<Sight> {
  let last = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const early = LOG_PAUSE_MS - (performance.now() - last);
    if (early > 0) await delay(early);
    last = performance.now();
    return look(signal);
  };
}

function probing(
  request: Message<"probe.request">,
  { sequence }: WaitInput,
  subject: CommandLog | undefined,
  around: Surroundings,
): Condition {
  let again_ms = FIRST_PAUSE_MS / 2;
  const look = async (signal: AbortSignal): Promise<Sight> => {
    // Only a command that was named is expected to bring it about.
    const died = sequence !== undefined && subject?.is_running === false;
    const { ok, detail } = await around.session().probe(request, signal);
    again_ms = Math.min(LONGEST_PAUSE_MS, 2 * again_ms);
    if (ok) return { state: "matched", seen: detail };
    return { state: died ? "target_died" : "waiting", seen: detail, again_ms };
  };
  return { subject, heeds_output: false, look };
}

/** The agent looks nowhere else either. */
function checkedUrl(url: string): string {
  const isLocal = /^http:\/\/(localhost|127\.0\.0\.1)(:[0-9]{1,5})?([/?#][\x21-\x7e]*)?$/.test(url);
  if (isLocal && url.length <= 2048) return url;
  throw new PyroError("invalid_input", `"${url.slice(0, SEEN_CHARS)}" is no address in the workspace`, {
    hint: "Give http://localhost:PORT/PATH",
  });
}

function checkedPort(port: number): number {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new PyroError("invalid_input", `${port} is not a port from 1 to 65535`);
}

function checkedPath(path: string): string {
  if (path !== "" && Buffer.byteLength(path) <= MAX_PATH_BYTES && !path.includes("\0")) return path;
  throw new PyroError("invalid_input", `${JSON.stringify(path.slice(0, SEEN_CHARS))} is no path`);
}
