/** Machines of a home of the test's own, from within: opened, used through a session, and closed. */
import { createEngine } from "../../src/engine.ts";
import { Environments } from "../../src/environments/environments.ts";
import { methodsOver, type PyroMethods } from "../../src/sdk/pyro.ts";
import type { StatePaths } from "../../src/store/paths.ts";
import { version } from "../../src/version.ts";
import { GuestSource } from "../../src/workspaces/guest-source.ts";
import type { OpenMachine } from "../../src/workspaces/machine-source.ts";
import { MachineSession, newVmId } from "../../src/workspaces/session.ts";
import { ENVIRONMENT } from "./copied-home.ts";

const COMMAND_MS = 120_000;
const { signal } = new AbortController();

/** A context that never cancels and shows nothing. */
export const quiet = { signal, emit: () => {} };
/** The shape of a machine whose caller asks for no other. */
export const SHAPE = { environment: ENVIRONMENT, vcpu_count: 1, mem_mib: 1024 } as const;

export interface Guests {
  readonly environments: Environments;
  readonly source: GuestSource;
  /** The SDK, whose virtual machines are of this home */
  readonly pyro: PyroMethods;
}

export function guestsOf(paths: StatePaths): Guests {
  const environments = new Environments({ paths, env: process.env, pyro_version: version });
  const source = new GuestSource(paths, environments, process.env["PYRO_ACCEL"]);
  return { environments, source, pyro: methodsOver(createEngine({ guests: source })) };
}

/** Uses an open machine, and ends it however that goes. */
export async function withSession<T>(open: OpenMachine, use: (session: MachineSession) => Promise<T>): Promise<T> {
  const session = await MachineSession.begin(open, newVmId(), signal);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** What a shell script in the machine prints; its exit status must be 0. */
export async function printed(session: MachineSession, script: string): Promise<string> {
  const output: Uint8Array[] = [];
  const ended = await session.exec({
    argv: ["sh", "-c", script],
    timeout_ms: COMMAND_MS,
    stdin: undefined,
    signal,
    onOutput: (_, data) => void output.push(data),
  });
  const text = Buffer.concat(output).toString();
  if (ended.exit_code !== 0) throw new Error(`"${script}" ended with ${ended.exit_code}: ${text}`);
  return text;
}
