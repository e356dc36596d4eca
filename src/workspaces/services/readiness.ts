/** When a service is ready: a file, a port, a server, or a command that does well; without any of them once it has run for a moment. */
import { posix } from "node:path";
import { PyroError } from "../../contract/errors.ts";
import { type Condition, conditionOf, type Sight } from "../commands/conditions.ts";
import type { MachineSession } from "../session.ts";

export interface ReadinessInput {
  readonly ready_file?: string | undefined;
  readonly ready_tcp?: number | undefined;
  readonly ready_http?: string | undefined;
  readonly ready_command?: string | undefined;
  readonly ready_timeout_seconds: number;
  readonly ready_interval_ms: number;
}

/** Longest time of one try of a command, in milliseconds (docs/design/limits.md). */
const TRY_MS = 10_000;
/** What is kept of what it says, in characters. */
const SAID_CHARS = 512;

const names = ["ready_file", "ready_tcp", "ready_http", "ready_command"] as const;

/** The condition that was asked for, looked at in the service's directory; undefined for none. Throws `invalid_input` for several. */
export function readinessOf(input: ReadinessInput, session: MachineSession, cwd: string): Condition | undefined {
  const given = names.filter((name) => input[name] !== undefined);
  if (given.length > 1)
    throw new PyroError("invalid_input", `A service has one readiness, ${given.length} were given`, {
      hint: "Give one of --ready-file, --ready-tcp, --ready-http or --ready-command",
      details: { conditions: given },
    });
  const { ready_file, ready_tcp, ready_http, ready_command, ready_timeout_seconds, ready_interval_ms } = input;
  if (ready_command !== undefined) return doingWell(ready_command, input, session, cwd);
  if (given.length === 0) return undefined;
  const file = ready_file === undefined ? undefined : posix.resolve(cwd, ready_file);
  const asked = { port: ready_tcp, http: ready_http, file, timeout_seconds: ready_timeout_seconds };
  const condition = conditionOf(asked, { session: () => session, command: () => undefined });
  const look = async (signal: AbortSignal): Promise<Sight> => {
    const sight = await condition.look(signal);
    return { ...sight, again_ms: ready_interval_ms };
  };
  return { ...condition, look };
}

/** Each try is killed with all it started when its time is over. */
function doingWell(
  command: string,
  { ready_timeout_seconds, ready_interval_ms }: ReadinessInput,
  session: MachineSession,
  cwd: string,
): Condition {
  const until = performance.now() + ready_timeout_seconds * 1000;
  const look = async (signal: AbortSignal): Promise<Sight> => {
    let said = "";
    const ended = session.exec({
      argv: ["sh", "-c", command],
      cwd,
      timeout_ms: Math.ceil(Math.max(1, Math.min(TRY_MS, until - performance.now()))),
      ends_tree: true,
      stdin: undefined,
      signal,
      onOutput: (_, data) => {
        said = `${said}${data.toString("utf8")}`.slice(-SAID_CHARS);
      },
    });
    const { exit_code, timed_out } = await ended.catch(needsShell);
    if (exit_code === 0 && !timed_out) return { state: "matched", seen: "the command did well" };
    const how = timed_out ? "took too long" : `ended with ${exit_code ?? "a signal"}`;
    return { state: "waiting", seen: `the command ${how}: ${said.trim()}`, again_ms: ready_interval_ms };
  };
  return { subject: undefined, heeds_output: false, look };
}

function needsShell(thrown: unknown): never {
  if (!(thrown instanceof PyroError) || thrown.code !== "command_not_found") throw thrown;
  throw new PyroError("no_shell", "A readiness command needs sh, which is not in this environment", {
    hint: "Give --ready-tcp, --ready-http or --ready-file",
    cause: thrown,
  });
}
