/** One machine in use: shaken hands with, made itself, running commands, and gone without trace at the end. */
import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { PyroError } from "../contract/errors.ts";
import type { OpenFile } from "../platform/files.ts";
import { cageError } from "../vmm/cage.ts";
import { AgentClient } from "../wire/client.ts";
import type { EgressHandlers } from "../wire/egress-stream.ts";
import type { OutputSink } from "../wire/exec-stream.ts";
import type { ExecEnded, Message } from "../wire/messages.ts";
import { greet, setClock } from "./greeting.ts";
import type { GuestTree } from "./guest-tree.ts";
import { lossOf } from "./machine-loss.ts";
import type { OpenMachine } from "./machine-source.ts";
import { promised } from "./promised.ts";
import { redactedError } from "./secrets/redacted-error.ts";
import { RedactedOutput } from "./secrets/redacted-output.ts";
import { noSecrets, type Secrets } from "./secrets/secrets.ts";

/** How long the agent itself looks at most, in milliseconds. */
const PROBE_MS = 2000;
/** How long a broken connection waits for the machine's own account of its end, in milliseconds. */
const END_GRACE_MS = 500;

/** Columns and lines of a terminal. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export interface SessionCommand {
  readonly argv: readonly string[];
  readonly timeout_ms: number | null;
  readonly stdin: Readable | undefined;
  readonly onOutput: OutputSink;
  /** Told once the program runs, with its number in the guest */
  readonly onStart?: (pid: number) => void;
  /** Whether what it leaves behind ends with it; not so where it is absent */
  readonly ends_tree?: boolean;
  /** Size of a terminal for it; pipes where there is none */
  readonly pty?: TerminalSize | undefined;
  readonly signal: AbortSignal;
  /** Working directory; the machine's where it is absent */
  readonly cwd?: string | undefined;
  /** Environment variables beside the machine's */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** An identifier for a machine, which is its host name too. */
export function newVmId(): string {
  return `vm-${randomBytes(6).toString("hex")}`;
}

/** Owns an open machine until `close`. */
export class MachineSession {
  readonly #open: OpenMachine;
  readonly #agent: AgentClient;
  readonly #secrets: Secrets;

  private constructor(open: OpenMachine, secrets: Secrets) {
    this.#open = open;
    this.#secrets = secrets;
    this.#agent = new AgentClient(open.machine.channel);
  }

  /** Shakes hands, sets the machine up as `hostname` and gives it its secrets; kills it where that fails. */
  static async begin(
    open: OpenMachine,
    hostname: string,
    signal: AbortSignal,
    secrets = noSecrets,
  ): Promise<MachineSession> {
    const session = new MachineSession(open, secrets);
    try {
      await greet(session.#agent, open, { hostname, secrets }, signal);
      return session;
    } catch (thrown) {
      const error = await session.explain(thrown);
      await session.close();
      if (open.instead === undefined || signal.aborted || !(error instanceof PyroError)) throw error;
      return MachineSession.begin(await open.instead(error), hostname, signal, secrets);
    }
  }

  get execution_mode() {
    return this.#open.machine.execution_mode;
  }

  /** Where a command runs that says nothing else */
  get cwd(): string {
    return this.#open.cwd;
  }

  /** The machine's agent, for what is no command. */
  get agent(): AgentClient {
    return this.#agent;
  }

  /** The files of the workspace in this machine. */
  get tree(): GuestTree {
    return { agent: this.#agent, root: this.#open.cwd, deadline_ms: this.#open.call_deadline_ms };
  }

  /** How the machine ended, as an error; settles when it has. */
  get lost(): Promise<PyroError> {
    return this.#open.machine.ended.then((end) => redactedError(this.#secrets.redactor, cageError(end) ?? lossOf(end)));
  }

  /** Process that runs the guest, for observation only */
  pid(): number {
    return this.#open.machine.pid();
  }

  /**
   * Writes everything to the disk and lets nothing change it until `use` is done; rejects with `agent_stalled` where that took too long.
   * Where `use` fails the disk stays still, until `thaw` or its deadline.
   */
  async whileStill<T>(deadline_ms: number, use: () => Promise<T>): Promise<T> {
    const call = { deadline_ms: this.#open.call_deadline_ms };
    try {
      await this.#agent.call("freeze", { deadline_ms }, call);
      const result = await use();
      await this.thaw();
      return result;
    } catch (error) {
      throw await this.explain(error);
    }
  }

  /** Lets the disk change again. */
  async thaw(): Promise<void> {
    await this.#agent.call("thaw", {}, { deadline_ms: this.#open.call_deadline_ms });
  }

  /** Puts an empty layer on top of the machine's disk. */
  addLayer(layer: OpenFile): Promise<void> {
    return this.#open.machine.addLayer(layer);
  }

  /** Writes everything to the disk, within this time. */
  async sync(deadline_ms: number): Promise<void> {
    await this.#agent.call("sync", {}, { deadline_ms });
  }

  /** Runs a command to its end; a cancelled one is killed with everything it started. Its output is without the values of secrets. */
  async exec(command: SessionCommand): Promise<ExecEnded> {
    const { redactor } = this.#secrets;
    if (redactor.isIdle) return this.#exec(command);
    const output = new RedactedOutput(redactor, command.onOutput);
    try {
      const ended = await this.#exec({ ...command, onOutput: (kind, data) => output.take(kind, data) });
      await output.end();
      return ended;
    } catch (thrown) {
      output.abandon();
      throw thrown;
    }
  }

  async #exec(command: SessionCommand): Promise<ExecEnded> {
    const { argv, timeout_ms, stdin, onOutput, onStart, signal } = command;
    const { cwd = this.cwd, ends_tree = false, pty = null } = command;
    const env = { ...this.#open.env, ...command.env };
    try {
      return await this.#agent.exec(
        { argv: [...argv], env, cwd, timeout_ms, stdin: stdin !== undefined, ends_tree, pty },
        {
          stdin,
          onOutput,
          onStart,
          signal,
          deadline_ms: timeout_ms === null ? undefined : timeout_ms + this.#open.call_deadline_ms,
        },
      );
    } catch (error) {
      throw await this.explain(error);
    }
  }

  /** Signals a running command, those in the foreground where it has a terminal; false where it has ended. */
  signal(pid: number, signal: number): Promise<boolean> {
    return this.#callOn("signal", { pid, signal, tree: false });
  }

  /** Gives the terminal of a running command another size; false where it has ended. */
  resize(pid: number, size: TerminalSize): Promise<boolean> {
    return this.#callOn("resize", { pid, ...size });
  }

  async #callOn<M extends "signal" | "resize">(method: M, request: Message<`${M}.request`>): Promise<boolean> {
    try {
      await this.#agent.call(method, request, { deadline_ms: this.#open.call_deadline_ms });
      return true;
    } catch (error) {
      if (error instanceof PyroError && error.details["agent_code"] === "no_such_process") return false;
      throw await this.explain(error);
    }
  }

  /** Looks for a port, a server or a file in the machine; a relative path begins where commands run. */
  async probe(request: Message<"probe.request">, signal: AbortSignal): Promise<Message<"probe.response">> {
    const asked = request.kind === "file" ? { ...request, path: posix.resolve(this.cwd, request.path) } : request;
    try {
      const answer = await this.#agent.call("probe", asked, {
        deadline_ms: PROBE_MS + this.#open.call_deadline_ms,
        signal,
      });
      return { ...answer, detail: this.#secrets.redactor.text(answer.detail, false) };
    } catch (error) {
      throw await this.explain(error);
    }
  }

  /** Lets programs of the machine ask for connections until `signal` aborts; resolves once they can. */
  async egress(handlers: EgressHandlers, signal: AbortSignal): Promise<{ readonly ended: Promise<void> }> {
    const { call_deadline_ms } = this.#open;
    const egress: AgentClient["egress"] = this.#open.egress ?? ((...asked) => this.#agent.egress(...asked));
    const over = new AbortController();
    const began = promised();
    const served = egress({ ...handlers, ready: began.resolve }, AbortSignal.any([signal, over.signal]));
    try {
      const late = delay(call_deadline_ms, "late" as const, { ref: false });
      if ((await Promise.race([began.promise, served, late])) !== "late") return { ended: served.catch(() => {}) };
      throw new PyroError("agent_stalled", `The agent did not open its egress within ${call_deadline_ms} ms`);
    } catch (error) {
      over.abort();
      served.catch(() => {});
      throw await this.explain(error);
    }
  }

  /** Signals everything that a command started; nothing happens where it has ended. After SIGKILL it is gone when this resolves. */
  async signalTree(pid: number, signal: number): Promise<void> {
    await this.#callOn("signal", { pid, signal, tree: true });
  }

  /** A call that does nothing, for measuring the channel. */
  async ping(): Promise<void> {
    await this.#agent.call("ping", {}, { deadline_ms: this.#open.call_deadline_ms });
  }

  /** Gives the machine the host's wall time; to be called after every pause as well. */
  setClock(signal?: AbortSignal): Promise<void> {
    return setClock(this.#agent, this.#open, signal);
  }

  /** Ends the machine at once; nothing of it is left when this resolves. */
  async close(): Promise<void> {
    this.#agent.close();
    await this.#open.machine.kill();
  }

  /** A connection that broke because the machine ended is explained by how it ended; no error has the value of a secret. */
  async explain(thrown: unknown): Promise<unknown> {
    return redactedError(this.#secrets.redactor, await this.#explained(thrown));
  }

  async #explained(thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof PyroError) || (thrown.code !== "guest_lost" && thrown.code !== "protocol_violation"))
      return thrown;
    const end = await Promise.race([this.#open.machine.ended, delay(END_GRACE_MS, undefined, { ref: false })]);
    return end === undefined ? thrown : (cageError(end) ?? lossOf(end, thrown));
  }
}
