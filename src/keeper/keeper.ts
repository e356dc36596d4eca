/** Whoever has a running workspace: answers on its control socket, keeps its time, and goes when its machine goes. */
import { setTimeout as delay } from "node:timers/promises";
import { PyroError, toPyroError } from "../contract/errors.ts";
import type { Listening } from "../platform/control-socket.ts";
import { type Hold, holdDirectory } from "../platform/lock.ts";
import { timeLeft } from "../workspaces/expiry.ts";
import { LiveWorkspace, type WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import { type CallContext, type Method, serveCalls } from "./control-server.ts";
import { KeeperRecord } from "./keeper-record.ts";
import { type Kept, methodsOf } from "./methods.ts";

/** Somebody else may have the directory for a moment: as long as a name is changed. */
const HOLD_TRIES = 40;
const HOLD_PAUSE_MS = 50;
/** A keeper without a machine that nobody calls ends after this, in milliseconds. */
const IDLE_MS = 10_000;
/** How long calls in progress may take to get their answers once the machine is gone, in milliseconds. */
const FAREWELL_MS = 3_000;
/** A timer may be late after the host slept, so the time that is left is looked at again after this, in milliseconds. */
const LOOK_MS = 60_000;

/** The keeper of one workspace. */
export class Keeper implements Kept {
  /** Settles when it has ended and the workspace is somebody else's to take. */
  readonly ended: Promise<void>;
  readonly workspace: LiveWorkspace;
  readonly #hold: Hold;
  #resolveEnded: () => void = () => {};
  #listening: Listening | undefined;
  #closed: Promise<void> | undefined;
  #calls = 0;
  #isEnding = false;
  #idle: NodeJS.Timeout | undefined;
  #expiry: NodeJS.Timeout | undefined;

  private constructor(workspace: LiveWorkspace, hold: Hold) {
    this.workspace = workspace;
    this.#hold = hold;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    workspace.onLost = (error) => void this.lost(error);
  }

  /** Takes the workspace and answers its calls. Throws `workspace_not_found`, `workspace_busy` or what makes its record unreadable. */
  static async begin(host: WorkspaceHost, workspace_id: string): Promise<Keeper> {
    const paths = host.store.paths.partsOf(workspace_id);
    const hold = await take(paths.directory, workspace_id);
    try {
      const workspace = new LiveWorkspace(host, host.store.find(workspace_id));
      const keeper = new Keeper(workspace, hold);
      workspace.disk?.sweep(workspace.record);
      new KeeperRecord(paths.keeperRecord).write();
      keeper.#listening = await serveCalls(paths.directory, keeper.#methods());
      keeper.#keepTime();
      keeper.#mayEnd();
      return keeper;
    } catch (thrown) {
      hold.close();
      throw thrown;
    }
  }

  /** Ends the workspace's machine and itself; what is called meanwhile gets `reason` as its answer. */
  async end(reason: string): Promise<void> {
    if (this.#isEnding) return this.ended;
    await this.#wind(reason);
    await this.#leave();
  }

  /** The machine ended unasked: that is put on record. */
  async lost({ code, message }: PyroError): Promise<void> {
    if (this.#isEnding) return;
    const failure = { code, message, at: new Date().toISOString() };
    if (this.workspace.record.intent === null) this.#record({ failure });
    await this.end(message);
  }

  /** Removes the workspace with all that belongs to it. */
  async remove(reason: string): Promise<void> {
    if (this.#isEnding) return this.ended;
    this.#record({ intent: "deleting" });
    await this.#wind(reason);
    this.workspace.host.store.remove(this.workspace.record.workspace_id);
    void this.#leave();
  }

  /** Nobody is answered any more, and the machine is gone when this resolves. */
  async #wind(reason: string): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#idle);
    clearTimeout(this.#expiry);
    this.#closed = this.#listening?.close();
    await this.workspace.commands.cancelAll(reason);
    await this.workspace.close();
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
      process.stderr.write(`${toPyroError(thrown).message}\n`);
    }
  }

  #methods(): Record<string, Method> {
    return Object.fromEntries(
      Object.entries(methodsOf(this)).map(([name, method]) => [
        name,
        (input: unknown, context: CallContext) => this.#counted(() => (method as Method)(input, context)),
      ]),
    );
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
    if (this.#calls > 0 || this.#isEnding || this.workspace.isRunning) return;
    this.#idle = setTimeout(() => void this.#endIdle(), IDLE_MS);
  }

  async #endIdle(): Promise<void> {
    const { record, host } = this.workspace;
    if (record.intent !== null) host.store.remove(record.workspace_id);
    await this.end("its keeper had nothing to keep");
  }

  #keepTime(): void {
    const left = timeLeft(this.workspace.record);
    if (left <= 0) void this.remove("its time to live was over");
    else this.#expiry = setTimeout(() => this.#keepTime(), Math.min(left, LOOK_MS));
  }

  /** To be called when the time to live was changed. */
  lookAtTime(): void {
    clearTimeout(this.#expiry);
    this.#keepTime();
  }
}

async function take(directory: string, workspace_id: string): Promise<Hold> {
  for (let tries = 0; tries < HOLD_TRIES; tries += 1) {
    const hold = await holdDirectory(directory);
    if (hold !== undefined) return hold;
    await delay(HOLD_PAUSE_MS);
  }
  throw new PyroError("workspace_busy", `Another process has "${workspace_id}"`);
}
