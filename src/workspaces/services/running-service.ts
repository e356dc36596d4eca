/** One service from its start to its end: the processes, their logs, and the ports that live as long as they do. */
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type PyroError, toPyroError } from "../../contract/errors.ts";
import type { PublishedPort, PublishedPorts } from "../../network/published-ports.ts";
import type { ExecEnded } from "../../wire/messages.ts";
import { type OutcomeSetting, outcomeOf } from "../commands/outcomes.ts";
import { exitStatus, SIGNAL_STATUS } from "../exit-status.ts";
import { promised } from "../promised.ts";
import type { MachineSession, SessionCommand } from "../session.ts";
import type { ServiceBook, ServiceLogs } from "./service-book.ts";
import { isLive, type ServiceRecord, type ServiceView } from "./service-record.ts";

/** Why a service is ended by its keeper. */
export interface Ending {
  readonly state: "stopped" | "failed";
  readonly stop_reason: string;
}

export interface ServiceSetting extends Pick<OutcomeSetting, "workspace_id" | "mem_mib"> {
  readonly session: MachineSession;
  readonly book: ServiceBook;
}

/** What it is started with. */
type Program = Pick<SessionCommand, "argv" | "env">;

/** Time in which the guest kills what did not end by itself, before the machine's own means are left to it, in milliseconds. */
const KILL_MS = 10_000;

const FORKED =
  "its first process ended and left others behind, which were ended with it: run it in the foreground, without going to the background by itself";

export class RunningService {
  /** Resolves once its program runs, or will not */
  readonly started: Promise<void>;
  /** Resolves when it has ended and that is written down */
  readonly finished: Promise<void>;
  readonly #setting: ServiceSetting;
  readonly #ports: PublishedPorts;
  readonly #logs: ServiceLogs;
  readonly #gone = new AbortController();
  readonly #cancellation = new AbortController();
  readonly #began = performance.now();
  #record: ServiceRecord;
  #ending: Ending | undefined;
  #error: PyroError | undefined;

  constructor(setting: ServiceSetting, record: ServiceRecord, program: Program, ports: PublishedPorts) {
    this.#setting = setting;
    this.#record = record;
    this.#ports = ports;
    this.#logs = setting.book.logsOf(record);
    const start = promised();
    this.finished = this.#run(program, start.resolve);
    this.started = Promise.race([start.promise, this.finished]);
  }

  get record(): ServiceRecord {
    return this.#record;
  }

  get isLive(): boolean {
    return isLive(this.#record);
  }

  /** Aborted when it has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What kept it from a result of its own: its program could not be started, or its machine is gone. */
  get error(): PyroError | undefined {
    return this.#error;
  }

  get ports(): PublishedPort[] {
    return this.#ports.list();
  }

  view(): ServiceView {
    return this.#setting.book.viewOf(this.#record, this.ports);
  }

  /** It serves from now on. */
  markReady(): void {
    if (this.#record.state === "starting") this.#save({ state: "running", ready_at: new Date().toISOString() });
  }

  /** Asks everything of it to end, and kills what has not after the grace. Resolves when nothing of it is left. */
  async stop(ending: Ending, grace_ms: number): Promise<void> {
    this.#ending ??= ending;
    await this.started;
    if (this.isLive && (await this.#signalled(constants.signals.SIGTERM))) await within(this.finished, grace_ms);
    if (this.isLive && (await this.#signalled(constants.signals.SIGKILL))) await within(this.finished, KILL_MS);
    this.#cancellation.abort();
    await this.finished;
  }

  /** Kills everything of it, with the machine about to go or nobody left to wait for it. */
  async kill(ending: Ending): Promise<void> {
    this.#ending ??= ending;
    this.#cancellation.abort();
    await this.finished;
  }

  /** False where the guest does not answer to that any more. */
  async #signalled(signal: number): Promise<boolean> {
    const { pid } = this.#record;
    if (pid === null) return false;
    return this.#setting.session.signalTree(pid, signal).then(
      () => true,
      () => false,
    );
  }

  async #run({ argv, env }: Program, onStart: () => void): Promise<void> {
    try {
      const ended = await this.#setting.session.exec({
        argv,
        env,
        cwd: this.#record.cwd,
        timeout_ms: null,
        ends_tree: true,
        stdin: undefined,
        signal: this.#cancellation.signal,
        onStart: (pid) => {
          this.#save({ pid });
          onStart();
        },
        onOutput: (stream, data) => this.#logs[stream].append(stream, data),
      });
      this.#end(exitStatus(ended), this.#ending ?? this.#ownEnd(ended));
    } catch (thrown) {
      const error = toPyroError(thrown);
      if (this.#ending === undefined) this.#error = error;
      const killed = this.#record.pid === null ? null : SIGNAL_STATUS + constants.signals.SIGKILL;
      this.#end(killed, this.#ending ?? { state: "failed", stop_reason: error.message });
    }
  }

  /** How it ended by itself. */
  #ownEnd(ended: ExecEnded): Pick<ServiceRecord, "state" | "stop_reason"> {
    const { workspace_id, mem_mib } = this.#setting;
    if (ended.rest_killed) return { state: "exited", stop_reason: FORKED };
    const { detail } = outcomeOf(ended, { workspace_id, mem_mib, timeout_seconds: 0 });
    return { state: this.#record.ready_at === null ? "failed" : "exited", stop_reason: detail };
  }

  /** The ports go first: they must not outlive what they lead to. */
  #end(exit_code: number | null, how: Pick<ServiceRecord, "state" | "stop_reason">): void {
    this.#ports.close();
    const outcome = { kind: "exited", detail: how.stop_reason ?? "", remedy: null, retry_safe: false } as const;
    const duration_ms = Math.round(performance.now() - this.#began);
    for (const log of Object.values(this.#logs))
      log.finish({ exit_code: exit_code ?? 0, timed_out: false, duration_ms, outcome });
    this.#save({ ...how, exit_code, ended_at: new Date().toISOString() });
    this.#gone.abort();
  }

  #save(part: Partial<ServiceRecord>): void {
    this.#record = { ...this.#record, ...part };
    this.#setting.book.save(this.#record);
  }
}

/** Waits for something, for so long. */
async function within(what: Promise<void>, ms: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([what, delay(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
