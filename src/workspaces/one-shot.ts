/** `run`: a machine for one command. */
import type { Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import type { ExecutionMode } from "../contract/fields.ts";
import type { Emit } from "../contract/progress.ts";
import { exitStatus } from "./exit-status.ts";
import type { MachineSource, OpenMachine } from "./machine-source.ts";
import { requireNoNetwork } from "./network.ts";
import { OutputCapture } from "./output-capture.ts";
import { MachineSession, newVmId } from "./session.ts";

export interface RunInput {
  readonly environment: string;
  readonly command: readonly string[];
  readonly vcpu_count: number;
  readonly mem_mib: number;
  readonly timeout_seconds: number;
  readonly ttl_seconds: number;
  readonly network: boolean;
  readonly allow_host_compat: boolean;
}

export interface RunResult {
  readonly vm_id: string;
  readonly environment: string;
  readonly exit_code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly duration_ms: number;
  readonly timed_out: boolean;
  readonly truncated: boolean;
  readonly execution_mode: ExecutionMode;
  readonly network_enabled: boolean;
}

export interface RunContext {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly stdin: Readable | undefined;
}

/** Runs commands in machines that are thrown away. */
export class OneShot {
  readonly #guests: MachineSource;
  readonly #hostCages: MachineSource;

  constructor(guests: MachineSource, hostCages: MachineSource) {
    this.#guests = guests;
    this.#hostCages = hostCages;
  }

  async run(input: RunInput, context: RunContext): Promise<RunResult> {
    requireNoNetwork(input);
    const vm_id = newVmId();
    const source = input.allow_host_compat ? this.#hostCages : this.#guests;
    const open = await source.open(input, context);
    const life = new Lifetime(context.signal, input.ttl_seconds);
    try {
      const session = await MachineSession.begin(open, vm_id, life.signal);
      await tellCostOfNext(open, input.environment, context.emit);
      try {
        return await this.#execute(vm_id, session, input, { ...context, signal: life.signal });
      } finally {
        await session.close();
      }
    } catch (error) {
      throw life.expired ? expiredError(input.ttl_seconds) : error;
    } finally {
      life.end();
    }
  }

  async #execute(vm_id: string, session: MachineSession, input: RunInput, context: RunContext): Promise<RunResult> {
    if (session.execution_mode === "host_compat") await context.emit({ type: "warning", message: hostCompatWarning });
    const stdout = new OutputCapture();
    const stderr = new OutputCapture();
    const ended = await session.exec({
      argv: input.command,
      timeout_ms: input.timeout_seconds * 1000,
      stdin: context.stdin,
      signal: context.signal,
      onOutput: (type, data) => {
        (type === "stdout" ? stdout : stderr).push(data);
        return context.emit({ type, data });
      },
    });
    return {
      vm_id,
      environment: input.environment,
      exit_code: exitStatus(ended),
      stdout: stdout.text(),
      stderr: stderr.text(),
      duration_ms: ended.duration_ms,
      timed_out: ended.timed_out,
      truncated: stdout.truncated || stderr.truncated,
      execution_mode: session.execution_mode,
      network_enabled: false,
    };
  }
}

/** After the one slow start, says what the next ones cost. */
async function tellCostOfNext(open: OpenMachine, environment: string, emit: Emit): Promise<void> {
  if (open.first_restore_began === undefined) return;
  const seconds = ((performance.now() - open.first_restore_began) / 1000).toFixed(1);
  await emit({ type: "notice", message: `${environment} is warm: it starts in ${seconds} s from now on` });
}

/** Said wherever something is to run on the host's own kernel. */
export const hostCompatWarning =
  "host_compat: commands run on this host's own kernel, in a bubblewrap cage, not in a virtual machine";

function expiredError(ttl_seconds: number): PyroError {
  return new PyroError("vm_expired", `The virtual machine reached its time to live of ${ttl_seconds} s`, {
    details: { ttl_seconds },
  });
}

/** The caller's signal joined with the machine's time to live. */
class Lifetime {
  readonly signal: AbortSignal;
  readonly #expiry = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(caller: AbortSignal, ttl_seconds: number) {
    this.#timer = setTimeout(() => this.#expiry.abort(), ttl_seconds * 1000);
    this.signal = AbortSignal.any([caller, this.#expiry.signal]);
  }

  get expired(): boolean {
    return this.#expiry.signal.aborted;
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
