/** `run`: a machine for one command. */
import type { Readable } from "node:stream";
import { PyroError } from "../contract/errors.ts";
import type { ExecutionMode } from "../contract/fields.ts";
import type { Emit } from "../contract/progress.ts";
import type { GateSurroundings } from "../network/egress-gate.ts";
import { Egress } from "./egress.ts";
import { exitStatus } from "./exit-status.ts";
import type { MachineSource, OpenMachine } from "./machine-source.ts";
import { oneShotPolicy, requirePolicy } from "./network.ts";
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

  readonly #surroundings: GateSurroundings | undefined;

  /** `surroundings` are what gates use in place of this machine's own network. */
  constructor(guests: MachineSource, hostCages: MachineSource, surroundings?: GateSurroundings) {
    this.#surroundings = surroundings;
    this.#guests = guests;
    this.#hostCages = hostCages;
  }

  async run(input: RunInput, context: RunContext): Promise<RunResult> {
    const policy = oneShotPolicy(input);
    requirePolicy(policy, input.allow_host_compat);
    const egress = new Egress(policy, this.#surroundings);
    const vm_id = newVmId();
    const source = input.allow_host_compat ? this.#hostCages : this.#guests;
    const open = await source.open(input, context);
    const life = new Lifetime(context.signal, input.ttl_seconds);
    try {
      const session = await MachineSession.begin(open, vm_id, life.signal);
      await tellCostOfNext(open, input.environment, context.emit);
      try {
        await egress.begin(session);
        const result = await this.#execute(vm_id, session, input, { ...context, signal: life.signal });
        await tellOfDenials(egress, context.emit);
        return result;
      } finally {
        egress.end();
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
      network_enabled: input.network,
    };
  }
}

/** After the one slow start, says what the next ones cost. */
async function tellCostOfNext(open: OpenMachine, environment: string, emit: Emit): Promise<void> {
  if (open.first_restore_began === undefined) return;
  const seconds = ((performance.now() - open.first_restore_began) / 1000).toFixed(1);
  await emit({ type: "notice", message: `${environment} is warm: it starts in ${seconds} s from now on` });
}

/** A command that fails for want of a network is not left to guess why. */
async function tellOfDenials({ book }: Egress, emit: Emit): Promise<void> {
  const { denied_count } = book.totals();
  const first = book.list().find(({ verdict }) => verdict === "denied");
  if (first === undefined) return;
  const where = `${first.host}${first.port === null ? "" : ` port ${first.port}`} (${first.rule})`;
  await emit({ type: "warning", message: `${denied_count} connections or lookups were denied, such as to ${where}` });
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
