/** Commands in a measured machine: their output is dropped, their failure is an error. */
import type { Readable } from "node:stream";
import { PyroError } from "../src/contract/errors.ts";
import type { OutputSink } from "../src/wire/exec-stream.ts";
import type { MachineSession } from "../src/workspaces/session.ts";

export interface CommandStreams {
  readonly stdin?: Readable;
  readonly onOutput?: OutputSink;
}

/** Runs `argv` to its end; throws where it does not exit with 0. */
export async function runCommand(
  session: MachineSession,
  argv: readonly string[],
  signal: AbortSignal,
  streams: CommandStreams = {},
): Promise<void> {
  const { stdin, onOutput = () => undefined } = streams;
  const ended = await session.exec({ argv, timeout_ms: null, stdin, onOutput, signal });
  if (ended.exit_code !== 0) throw new PyroError("guest_lost", `"${argv.join(" ")}" exited with ${ended.exit_code}`);
}
