/** Whoever has a running workspace: answers on its control socket, keeps its time, and goes when its machine goes. */
import { setTimeout as delay } from "node:timers/promises";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Listening } from "../platform/control-socket.ts";
import { failpoint } from "../platform/failpoint.ts";
import type { Hold } from "../platform/lock.ts";
import { timeLeft } from "../workspaces/expiry.ts";
import { LiveWorkspace, type WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import { tidy } from "../workspaces/live/seeding.ts";
import { type CallContext, type Method, serveCalls } from "./control-server.ts";
import { endings } from "./endings.ts";
import { KeeperRecord } from "./keeper-record.ts";
import { type Kept, methodsOf } from "./methods.ts";
import { notFound } from "./record-rules.ts";
import { redactedMethods } from "./redacted.ts";
import { takeDirectory } from "./taking.ts";

/** A keeper without a machine that nobody calls ends after this, in milliseconds. */
const IDLE_MS = 10_000;
/** The same before it was told what to create: whoever was to say so has gone. */
const UNTOLD_MS = 3_000;
/** How long calls in progress may take to get their answers once the machine is gone, in milliseconds. */
const FAREWELL_MS = 3_000;
/** A timer may be late after the host slept, and a directory removed, so both are looked at again after this, in milliseconds. */
const LOOK_MS = 10_000;

/** The keeper of one workspace. */
export class Keeper implements Kept {
  /** Settles when it has ended and the workspace is somebody else's to take. */
  readonly ended: Promise<void>;
  readonly workspace: LiveWorkspace;
  readonly #hold: Hold;
  readonly #noted: KeeperRecord;
  #resolveEnded: () => void = () => {};
  #listening: Listening | undefined;
  #closed: Promise<void> | undefined;
  #calls = 0;
  /** Settles when the machine is gone, and the workspace where it is removed */
  #ending: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;

  private constructor(workspace: LiveWorkspace, hold: Hold) {
    this.workspace = workspace;
    this.#hold = hold;
    this.#noted = new KeeperRecord(workspace.paths.keeperRecord);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    workspace.onLost = (error) => this.#unattended(this.lost(error));
  }

  /** Takes the workspace and answers its calls. Throws `workspace_not_found`, `workspace_busy` or what makes its record unreadable. */
  static async begin(host: WorkspaceHost, workspace_id: string): Promise<Keeper> {
    const paths = host.store.paths.partsOf(workspace_id);
    const hold = await takeDirectory(paths.directory);
    if (hold === undefined) throw notTaken(host, workspace_id);
    try {
      const workspace = new LiveWorkspace(host, host.store.find(workspace_id));
      const keeper = new Keeper(workspace, hold);
      tidy(workspace);
      keeper.#noted.write(true);
      keeper.#listening = await serveCalls(paths.directory, keeper.#methods());
      keeper.#keepTime();
      keeper.#mayEnd();
      return keeper;
    } catch (thrown) {
      hold.close();
      throw thrown;
    }
  }

  /** Ends the workspace's machine and itself; what is called meanwhile gets `why` as its answer. */
  async end(why: PyroError): Promise<void> {
    await this.#wind(why, async () => {});
    await this.ended;
  }

  /** The machine ended unasked: that is put on record. */
  async lost(error: PyroError): Promise<void> {
    if (this.#ending !== undefined) return;
    const message = this.workspace.secrets.known.redactor.text(error.message, false);
    const failure = { code: error.code, message, at: new Date().toISOString() };
    if (this.workspace.record.intent === null) this.#record({ failure });
    await Promise.race([this.workspace.commandsEnded(), delay(FAREWELL_MS, undefined, { ref: false })]);
    await this.end(error);
  }

  /** Removes the workspace with all that belongs to it. */
  remove(why: PyroError): Promise<void> {
    const { record, host } = this.workspace;
    if (this.#ending === undefined) this.#record({ intent: "deleting" });
    return this.#wind(why, async () => {
      await failpoint("delete.vmm_killed");
      host.store.remove(record.workspace_id);
      await failpoint("delete.record_removed");
    });
  }

  /** Once: nobody is answered any more, the machine ends, `then` is done, and the keeper leaves. */
  #wind(why: PyroError, then: () => Promise<void>): Promise<void> {
    this.#ending ??= this.#endMachine(why)
      .then(then)
      .finally(() => void this.#leave());
    return this.#ending;
  }

  async #endMachine(why: PyroError): Promise<void> {
    clearTimeout(this.#idle);
    clearTimeout(this.#look);
    this.#closed = this.#listening?.close();
    await this.workspace.cancelCommands(why.message);
    await this.workspace.finish(why);
  }

  /** Lets those who were called meanwhile have their answers, and gives the workspace up. */
  async #leave(): Promise<void> {
    await Promise.race([this.#closed, delay(FAREWELL_MS, undefined, { ref: false })]);
    this.workspace.release();
    this.#hold.close();
    this.#resolveEnded();
  }

  /** A record that cannot be written does not keep the machine from ending. */
  #record(part: Parameters<LiveWorkspace["change"]>[0]): void {
    try {
      this.workspace.change(part);
    } catch (thrown) {
      this.#log(thrown);
    }
  }

  /** Whoever only looks does not keep it. */
  #methods(): Record<string, Method> {
    const { status, ...others } = methodsOf(this);
    const counted = Object.entries(others).map(([name, method]) => [
      name,
      (input: unknown, context: CallContext) => this.#counted(() => (method as Method)(input, context)),
    ]);
    const all = { ...Object.fromEntries(counted), status };
    return redactedMethods(all, () => this.workspace.secrets.known.redactor);
  }

  async #counted<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    clearTimeout(this.#idle);
    try {
      return await call();
    } finally {
      this.#calls -= 1;
      this.#mayEnd();
    }
  }

  /** Nobody needs a keeper without a machine. */
  #mayEnd(): void {
    if (this.#calls > 0 || this.#ending !== undefined || this.workspace.isRunning) return;
    const idle_ms = this.workspace.record.intent === null ? IDLE_MS : UNTOLD_MS;
    this.#idle = setTimeout(() => this.#unattended(this.#endIdle()), idle_ms);
  }

  async #endIdle(): Promise<void> {
    const { workspace_id, intent } = this.workspace.record;
    if (intent === null) await this.end(endings.left(workspace_id, "it had nothing to keep"));
    else await this.remove(endings.uncreated(workspace_id));
  }

  /** Looks whether the workspace's time is over, and whether it is still there. */
  #keepTime(): void {
    if (this.#ending !== undefined) return;
    const { workspace_id } = this.workspace.record;
    const left = timeLeft(this.workspace.record);
    if (left <= 0) this.#unattended(this.remove(endings.expired(workspace_id)));
    else if (!this.#noted.isOurs()) this.#unattended(this.end(endings.left(workspace_id, "its directory is gone")));
    else this.#look = setTimeout(() => this.#keepTime(), Math.min(left, LOOK_MS));
  }

  /** Nobody waits for it who could be told. */
  #unattended(ending: Promise<void>): void {
    ending.catch((thrown: unknown) => this.#log(thrown));
  }

  #log(thrown: unknown): void {
    const { redactor } = this.workspace.secrets.known;
    process.stderr.write(`${redactor.text(toPyroError(thrown).message)}\n`);
  }

  /** To be called when the time to live was changed. */
  lookAtTime(): void {
    clearTimeout(this.#look);
    this.#keepTime();
  }
}

/** Why a directory could not be taken. */
function notTaken({ store }: WorkspaceHost, workspace_id: string): PyroError {
  if (!store.exists(workspace_id)) return notFound(workspace_id);
  return new PyroError("workspace_busy", `Another process has "${workspace_id}"`);
}
