/** What every figure is given: the engine's parts, machines that are closed whatever happens, and the command line as users type it. */
import { join } from "node:path";
import { PyroError } from "../src/contract/errors.ts";
import type { ExecutionMode } from "../src/contract/fields.ts";
import type { OperationEvent } from "../src/contract/progress.ts";
import { defaultEnvironment } from "../src/environments/catalog.ts";
import { Environments } from "../src/environments/environments.ts";
import { packageRoot } from "../src/platform/package-root.ts";
import { runProgram } from "../src/platform/programs.ts";
import { type StatePaths, statePaths } from "../src/store/paths.ts";
import { version } from "../src/version.ts";
import { GuestSource } from "../src/workspaces/guest-source.ts";
import type { MachineRequest, OpenMachine } from "../src/workspaces/machine-source.ts";
import { MachineSession } from "../src/workspaces/session.ts";

/** Shape of every measured machine: what `pyro run` gives by default. */
export const shape = { vcpu_count: 1, mem_mib: 1024 } as const;

/** Variables that change what `pyro` does, passed on to it. */
const passedOn = ["HOME", "PYRO_HOME", "PYRO_ACCEL", "XDG_CACHE_HOME", "XDG_DATA_HOME"] as const;

export interface BenchOptions {
  /** How often a figure that boots a machine does so */
  readonly runs: number;
  readonly signal: AbortSignal;
}

/** A machine in use, with what its figures look at. */
export interface LiveMachine {
  readonly session: MachineSession;
  readonly open: OpenMachine;
}

export class BenchContext {
  readonly runs: number;
  readonly signal: AbortSignal;
  readonly paths: StatePaths = statePaths(process.env);
  readonly environments: Environments;
  readonly environment = defaultEnvironment;
  readonly #guests: GuestSource;
  #mode: Promise<ExecutionMode> | undefined;

  constructor(options: BenchOptions) {
    this.runs = options.runs;
    this.signal = options.signal;
    this.environments = new Environments({ paths: this.paths, env: process.env, pyro_version: version });
    this.#guests = new GuestSource(this.paths, this.environments, process.env["PYRO_ACCEL"]);
  }

  /** Where figures keep what they had to fetch */
  get scratch(): string {
    return join(this.paths.cache, "bench");
  }

  /** Gets the environment and the kernel into the cache, and finds out how machines run here. */
  async prepare(): Promise<void> {
    const emit = (event: OperationEvent) => {
      if (event.type === "progress") process.stderr.write(`${event.message}\n`);
    };
    await this.environments.pull(this.environment, { signal: this.signal, emit });
    await this.executionMode();
  }

  /** How machines run on this host; found out by booting one. */
  executionMode(): Promise<ExecutionMode> {
    this.#mode ??= this.withMachine(async ({ session }) => session.execution_mode);
    return this.#mode;
  }

  /** Starts a machine of the default environment as `pyro run` does, hands it over once it is set up, and ends it. */
  withMachine<T>(use: (machine: LiveMachine) => Promise<T>, mem_mib: number = shape.mem_mib): Promise<T> {
    return this.#with((request, context) => this.#guests.open(request, context), mem_mib, use);
  }

  /** The same with a machine that boots instead of being restored. */
  withBootedMachine<T>(use: (machine: LiveMachine) => Promise<T>, mem_mib: number = shape.mem_mib): Promise<T> {
    return this.#with((request, context) => this.#guests.openCold(request, context), mem_mib, use);
  }

  async #with<T>(
    open: (request: MachineRequest, context: Parameters<GuestSource["open"]>[1]) => Promise<OpenMachine>,
    mem_mib: number,
    use: (machine: LiveMachine) => Promise<T>,
  ): Promise<T> {
    const signal = AbortSignal.any([this.signal]);
    const request = { environment: this.environment, vcpu_count: shape.vcpu_count, mem_mib };
    const opened = await open(request, { signal, emit: () => undefined });
    const session = await MachineSession.begin(opened, "bench", signal);
    try {
      return await use({ session, open: opened });
    } finally {
      await session.close();
    }
  }

  /** Runs the `pyro` command as a process of its own, `PYRO_HOME` where it is given; throws where it does not exit with 0. */
  async pyro(args: readonly string[], home?: string): Promise<void> {
    const variables = Object.fromEntries(
      passedOn.flatMap((name): [string, string][] => {
        const value = process.env[name];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    const env = { ...variables, ...(home !== undefined && { PYRO_HOME: home }) };
    const command = [join(packageRoot(), "bin", "pyro"), ...args];
    const { exit_code, stderr } = await runProgram(process.execPath, command, { env, signal: this.signal });
    if (exit_code !== 0)
      throw new PyroError("internal_error", `pyro ${args.join(" ")} exited with ${exit_code}: ${stderr}`);
  }
}
