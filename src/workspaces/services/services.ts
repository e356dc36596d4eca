/** The services of one workspace in use: started, looked at, stopped, and ended with their machine. */

import { posix } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PyroError } from "../../contract/errors.ts";
import { portRequests } from "../../network/port-request.ts";
import { PortBudget, type PublishedPort, PublishedPorts } from "../../network/published-ports.ts";
import type { Condition } from "../commands/conditions.ts";
import { waitFor } from "../commands/waiting.ts";
import type { WorkContext } from "../machine-source.ts";
import type { Redactor } from "../secrets/redactor.ts";
import type { MachineSession } from "../session.ts";
import { failedStart, neverReady } from "./failed-start.ts";
import { type ReadinessInput, readinessOf } from "./readiness.ts";
import { type Ending, RunningService } from "./running-service.ts";
import { ServiceBook } from "./service-book.ts";
import { type OutputInput, passOn } from "./service-output.ts";
import { isLive, type ServiceView } from "./service-record.ts";

export interface StartServiceInput extends ReadinessInput {
  readonly name: string;
  readonly command: readonly string[];
  /** Relative to the workspace, which it is where it is absent */
  readonly cwd?: string | undefined;
  /** Variables beside the machine's */
  readonly env: Readonly<Record<string, string>>;
  /** `GUEST_PORT` or `HOST_PORT:GUEST_PORT` each */
  readonly publish: readonly string[];
}

export interface ServicesOptions {
  readonly workspace_id: string;
  readonly mem_mib: number;
  /** Directory of the workspace's present history */
  readonly history: string;
  /** Whether its network policy permits published ports */
  readonly may_publish: boolean;
  /** The machine; throws where there is none */
  readonly session: () => MachineSession;
  /** Keeps what must not be written down out of it */
  readonly redactor: () => Redactor;
}

/** A service without a readiness is ready when it has run for so long, in milliseconds (docs/design/limits.md). */
export const SETTLE_MS = 500;
/** How long a service may take to end before it is killed where nobody says otherwise, in milliseconds (docs/design/limits.md). */
export const GRACE_MS = 10_000;
/** The same where the workspace is stopped. */
const STOP_GRACE_MS = 5_000;
/** Services that run at once, and that are remembered (docs/design/limits.md). */
const MAX_LIVE = 100;
const MAX_REMEMBERED = 200;

export class Services {
  readonly #options: ServicesOptions;
  readonly #book: ServiceBook;
  readonly #budget = new PortBudget();
  readonly #live = new Map<string, RunningService>();
  /** Names whose ports are being opened */
  readonly #reserved = new Set<string>();

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#book = ServiceBook.open(options.history);
  }

  /** How many services there are. */
  get count(): number {
    return this.#book.list().length;
  }

  /** How many of them run. */
  get running(): number {
    return this.#live.size;
  }

  /** What all of them publish. */
  get ports(): (PublishedPort & { readonly service: string })[] {
    return [...this.#live.values()].flatMap(({ record, ports }) =>
      ports.map((port) => ({ service: record.name, ...port })),
    );
  }

  /** Starts a service and waits until it is ready. One that is not leaves no process and no port; a caller who goes before takes it along. */
  async start(input: StartServiceInput, context: WorkContext): Promise<ServiceView> {
    const session = this.#options.session();
    const cwd = posix.resolve(session.cwd, input.cwd ?? ".");
    const readiness = readinessOf(input, session, cwd);
    const service = await this.#begin(session, input, cwd);
    const caller = AbortSignal.any([context.signal]);
    const leave = () =>
      void service.kill({ state: "stopped", stop_reason: "its caller went away before it was ready" });
    caller.addEventListener("abort", leave, { once: true });
    if (caller.aborted) leave();
    try {
      await context.emit({ type: "progress", stage: "service", message: `Waiting until "${input.name}" is ready` });
      await this.#untilReady(service, readiness, input);
    } finally {
      caller.removeEventListener("abort", leave);
    }
    return service.view();
  }

  /** All services, oldest start first. */
  list(): ServiceView[] {
    return this.#book.list().map(({ name }) => this.#viewOf(name));
  }

  /** Ends a service; one that has ended stays as it is. */
  async stop(name: string, grace_ms: number): Promise<ServiceView> {
    this.#book.find(name);
    await this.#live.get(name)?.stop({ state: "stopped", stop_reason: "it was stopped" }, grace_ms);
    return this.#viewOf(name);
  }

  /** Hands on what a service prints. */
  async output(name: string, input: OutputInput, context: WorkContext): Promise<ServiceView & { truncated: boolean }> {
    const record = this.#book.find(name);
    const truncated = await passOn(this.#book.logsOf(record), input, context);
    const now = this.#book.list().find(({ stdout_log }) => stdout_log === record.stdout_log) ?? record;
    const ports = this.#live.get(name)?.ports;
    return { ...this.#book.viewOf(now, ports), truncated };
  }

  /** Has all of them end in order, before the workspace is stopped. */
  async stopAll(stop_reason: string): Promise<void> {
    const ending: Ending = { state: "stopped", stop_reason };
    await Promise.all([...this.#live.values()].map((service) => service.stop(ending, STOP_GRACE_MS)));
  }

  /** Ends all of them at once; resolves when that is written down. */
  async killAll(stop_reason: string): Promise<void> {
    const ending: Ending = { state: "stopped", stop_reason };
    await Promise.all([...this.#live.values()].map((service) => service.kill(ending)));
  }

  /** Resolves when all have ended by themselves, as those of a machine that is gone do. */
  async ended(): Promise<void> {
    await Promise.all([...this.#live.values()].map(({ finished }) => finished));
  }

  #viewOf(name: string): ServiceView {
    return this.#live.get(name)?.view() ?? this.#book.viewOf(this.#book.find(name));
  }

  /** Opens its ports and starts its program. */
  async #begin(session: MachineSession, input: StartServiceInput, cwd: string): Promise<RunningService> {
    const { name, command, env } = input;
    const requests = portRequests(input.publish);
    if (requests.length > 0 && !this.#options.may_publish)
      throw new PyroError(
        "ports_not_allowed",
        `The network policy of "${this.#options.workspace_id}" permits no ports`,
      );
    this.#requireFree(name);
    this.#reserved.add(name);
    try {
      const ports = await PublishedPorts.open(
        requests,
        (guest_port, socket, signal) => session.agent.forward(guest_port, socket, signal),
        this.#budget,
      );
      this.#forgetOldest();
      const setting = { ...this.#options, session, book: this.#book };
      const record = this.#book.begin(name, this.#options.redactor().document(command), cwd);
      const service = new RunningService(setting, record, { argv: command, env }, ports);
      this.#live.set(name, service);
      void service.finished.then(() => this.#live.delete(name));
      return service;
    } finally {
      this.#reserved.delete(name);
    }
  }

  #requireFree(name: string): void {
    if (this.#live.has(name) || this.#reserved.has(name))
      throw new PyroError("service_exists", `A service called "${name}" runs already`, {
        hint: `pyro workspace service stop ${this.#options.workspace_id} ${name}`,
        details: { service_name: name },
      });
    if (this.#live.size + this.#reserved.size >= MAX_LIVE)
      throw new PyroError("service_limit", `${MAX_LIVE} services run in "${this.#options.workspace_id}" already`);
  }

  #forgetOldest(): void {
    const ended = this.#book.list().filter((record) => !isLive(record));
    const excess = this.#book.list().length - MAX_REMEMBERED + 1;
    for (const { name } of ended.slice(0, Math.max(0, excess))) this.#book.forget(name);
  }

  /** Resolves when it is ready; throws why it is not, when nothing of it is left. */
  async #untilReady(
    service: RunningService,
    readiness: Condition | undefined,
    input: StartServiceInput,
  ): Promise<void> {
    await service.started;
    const reached = await reachedBy(service, readiness, input);
    if (reached.isReady && service.isLive) return service.markReady();
    if (service.isLive) {
      const stop_reason = `it was not ready within ${input.ready_timeout_seconds} s`;
      await service.stop({ state: "failed", stop_reason }, GRACE_MS);
      if (service.record.stop_reason === stop_reason)
        throw neverReady(service.record, this.#book.logsOf(service.record), input, reached.seen);
    }
    await service.finished;
    throw failedStart(service, this.#book.logsOf(service.record), this.#options.workspace_id);
  }
}

/** Whether it is ready, in time; false at its end. */
async function reachedBy(
  service: RunningService,
  readiness: Condition | undefined,
  { ready_timeout_seconds }: StartServiceInput,
): Promise<{ readonly isReady: boolean; readonly seen: string }> {
  try {
    if (readiness === undefined) {
      await delay(SETTLE_MS, undefined, { signal: service.gone });
      return { isReady: true, seen: "" };
    }
    const { reason, last_seen } = await waitFor(readiness, ready_timeout_seconds * 1000, service.gone);
    return { isReady: reason === "matched", seen: last_seen };
  } catch (thrown) {
    // What fails when it has ended, or its machine has, is told by its end.
    if (service.gone.aborted || (thrown instanceof PyroError && thrown.kind === "guest"))
      return { isReady: false, seen: "" };
    await service.kill({ state: "failed", stop_reason: "its readiness could not be looked at" });
    throw thrown;
  }
}
