/** The workspaces of one user as the operations see them: found by id or name, called through their keepers, or changed on record where nobody keeps them. */
import { resolve } from "node:path";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { withDeadline } from "../platform/deadline.ts";
import { failpoint } from "../platform/failpoint.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import { type LogsInput, logsOf } from "../workspaces/commands/logs.ts";
import type { LogsResult } from "../workspaces/commands/results.ts";
import { Egress, type NetworkView } from "../workspaces/egress.ts";
import { CommandHistory } from "../workspaces/history/history.ts";
import type { WorkspaceHost } from "../workspaces/live/live-workspace.ts";
import { listSnapshots, type SnapshotView } from "../workspaces/live/snapshots.ts";
import { summarizeRecord, type WorkspaceSummary } from "../workspaces/live/summary.ts";
import { requirePolicy } from "../workspaces/network.ts";
import { ProjectSource } from "../workspaces/project/project-source.ts";
import { givenSecrets } from "../workspaces/secrets/given-secrets.ts";
import { statusOf, type WorkspaceStatus } from "../workspaces/workspace-view.ts";
import { type CallOptions, callKeeper } from "./control-client.ts";
import { KeeperCalls, type KeeperInput, type KeeperResult } from "./keeper-calls.ts";
import { KeeperRecord } from "./keeper-record.ts";
import type { Launch } from "./launch.ts";
import type { KeeperMethods } from "./methods.ts";
import { observe, resting } from "./observation.ts";
import { type Reaped, Reaper } from "./reaper.ts";
import { type CreateWorkspaceInput, notFound, notKept, withoutDisk } from "./record-rules.ts";
import { Reserving } from "./reserving.ts";
import { ServiceCalls } from "./service-calls.ts";
import { StoppedDisks } from "./stopped-disks.ts";
import { Unkept } from "./unkept.ts";
import { applyUpdate, requireOneName, type UpdateInput } from "./update.ts";

/** How long a keeper may take to end its workspace before it is killed, in milliseconds (docs/design/limits.md). */
const GRACE_MS = 15_000;

/** Times that a start is tried while others start and stop the same workspace. */
const START_TRIES = 5;

/** What a creation may be given beside its input. */
export interface CreateOptions extends CallOptions {
  /** What begins a workspace that is told nothing */
  readonly project?: ProjectSource | undefined;
}

export interface WorkspaceList {
  readonly workspaces: readonly WorkspaceStatus[];
  readonly damaged: readonly { readonly workspace_id: string; readonly reason: string }[];
}

export class Workspaces {
  readonly #host: WorkspaceHost;
  readonly #launch: Launch;
  readonly #calls: KeeperCalls;
  readonly #unkept: Unkept;
  readonly #reaper: Reaper;
  readonly #names: Reserving;
  readonly disks: StoppedDisks;
  readonly services: ServiceCalls;

  constructor(host: WorkspaceHost, launch: Launch) {
    this.#host = host;
    this.#launch = launch;
    this.#calls = new KeeperCalls(host.store);
    this.#unkept = new Unkept(host.store);
    this.#reaper = new Reaper(host.store, this.#unkept);
    this.#names = new Reserving(host, (records) => this.#reaper.beginning(records));
    const find = (workspace: string) => this.#find(workspace);
    this.services = new ServiceCalls({ store: host.store, calls: this.#calls, find, list: () => this.list() });
    this.disks = new StoppedDisks(host, this.#unkept, find);
  }

  /** Makes a workspace and starts it; one that cannot be seeded is not there. */
  async create(input: CreateWorkspaceInput, context: CreateOptions): Promise<WorkspaceStatus> {
    requirePolicy({ ...input, allow_egress: input.allow_egress ?? [] }, input.allow_host_compat);
    const source = context.project ?? new ProjectSource({ no_project_source: true }, this.#host.env);
    const seed = (await source.seedFor(input)) ?? null;
    const given = await givenSecrets(input);
    await this.#reaper.reapOver();
    const record = await this.#names.reserve(input, given);
    const secrets = given.map(({ name, value }) => ({ name, value: value.toString("base64") }));
    try {
      await failpoint("create.name_reserved");
      await this.#keep(record);
      await failpoint("create.kept");
      return await this.#calls.call(record, "create", { seed, secrets }, context);
    } catch (thrown) {
      await this.#destroy(record.workspace_id, { signal: new AbortController().signal, emit: () => {} }).catch(
        () => {},
      );
      throw source.errorOf(thrown, input);
    }
  }

  /** Every workspace, most recently active first, and what should be one and cannot be read. */
  async list(): Promise<WorkspaceList> {
    const { records, damaged } = this.#host.store.list();
    const seen = await Promise.all(records.map((record) => this.#view(record)));
    const workspaces = seen.filter((one) => one !== undefined);
    workspaces.sort((one, other) => compare(other.last_activity_at, one.last_activity_at));
    return { workspaces, damaged };
  }

  /** Ids and names by which workspaces can be called. */
  names(): string[] {
    const { records } = this.#host.store.list();
    return records.flatMap(({ workspace_id, name }) => (name === null ? [workspace_id] : [name, workspace_id]));
  }

  async status(workspace: string): Promise<WorkspaceStatus> {
    const record = await this.#find(workspace);
    const view = await this.#view(record);
    if (view === undefined) throw notFound(workspace);
    return view;
  }

  /** Calls the keeper. Throws `workspace_stopped` or `workspace_crashed` where there is none. */
  async call<K extends keyof KeeperMethods>(
    workspace: string,
    method: K,
    input: KeeperInput<K>,
    context: CallOptions,
  ): Promise<KeeperResult<K>> {
    return this.#calls.call(await this.#find(workspace), method, input, context);
  }

  /** Lays files of the host over the workspace's. */
  push(workspace: string, input: KeeperInput<"push">, context: CallOptions): Promise<KeeperResult<"push">> {
    return this.call(workspace, "push", { ...input, source: resolve(input.source) }, context);
  }

  export(workspace: string, input: KeeperInput<"export">, context: CallOptions): Promise<KeeperResult<"export">> {
    return this.call(workspace, "export", { ...input, output: resolve(input.output) }, context);
  }

  /** The history of commands, also of what does not run. */
  async logs(workspace: string, input: LogsInput, context: CallOptions): Promise<LogsResult> {
    const record = await this.#find(workspace);
    const answered = await this.#calls.try(record, "logs", input, context);
    return answered?.result ?? logsOf(this.#historyOf(record), input);
  }

  /** What happened, also in what does not run. */
  async summary(workspace: string, context: CallOptions): Promise<WorkspaceSummary> {
    const record = await this.#find(workspace);
    const answered = await this.#calls.try(record, "summary", {}, context);
    if (answered !== undefined) return answered.result;
    return summarizeRecord(record, this.#host.store.paths.partsOf(record.workspace_id), this.#historyOf(record));
  }

  /** The policy, and what became of the connections since the machine's last start or reset; none where it does not run. */
  async network(workspace: string, context: CallOptions): Promise<NetworkView & { readonly workspace_id: string }> {
    const record = await this.#find(workspace);
    const answered = await this.#calls.try(record, "network", {}, context);
    return { workspace_id: record.workspace_id, ...(answered?.result ?? new Egress(record).view()) };
  }

  #historyOf({ workspace_id, reset_count }: WorkspaceRecord): CommandHistory {
    return CommandHistory.read(this.#host.store.paths.partsOf(workspace_id).commands(reset_count));
  }

  async snapshots(workspace: string): Promise<{ snapshots: SnapshotView[] }> {
    return { snapshots: listSnapshots({ record: await this.#find(workspace) }) };
  }

  /** Starts the machine on the disk as it is; one that runs stays as it is. */
  async start(workspace: string, context: CallOptions): Promise<WorkspaceStatus> {
    const record = await this.#find(workspace);
    for (let tries = 1; ; tries += 1) {
      try {
        const running = await this.#calls.try(record, "start", {}, context);
        if (running !== undefined) return running.result;
        if (record.is_host_compat) throw withoutDisk("Delete it, and create another one");
        if (tries > START_TRIES) throw notKept(record);
        this.#names.admit(record);
        await this.#keep(record);
      } catch (thrown) {
        // Its keeper was leaving, or somebody else found it one.
        const { code } = toPyroError(thrown);
        if (tries >= START_TRIES || !["workspace_stopped", "workspace_busy"].includes(code)) throw thrown;
      }
    }
  }

  /** Ends the machine in order; the disk stays. */
  async stop(workspace: string, context: CallOptions): Promise<WorkspaceStatus> {
    const record = await this.#find(workspace);
    if (record.is_host_compat) throw withoutDisk("A stop would lose its files: export them, then delete it");
    const stopped = await this.#calls.try(record, "stop", {}, context);
    if (stopped !== undefined) return stopped.result;
    await this.#unkept.change(record, () => ({ wanted: "stopped", failure: null }));
    return this.status(record.workspace_id);
  }

  async update(workspace: string, input: UpdateInput, context: CallOptions): Promise<WorkspaceStatus> {
    requireOneName(input);
    const record = await this.#find(workspace);
    const { name } = input;
    if (name !== undefined) await this.#reaper.reapOver();
    return this.#names.whileFree(name, record.workspace_id, async () => {
      const updated = await this.#calls.try(record, "update", input, context);
      if (updated !== undefined) return updated.result;
      await this.#unkept.change(record, (now) => applyUpdate(now, input));
      return this.status(record.workspace_id);
    });
  }

  /** Removes the workspace, whatever state it is in. */
  async delete(workspace: string, context: CallOptions): Promise<{ workspace_id: string }> {
    const { workspace_id } = this.#findDamagedToo(workspace);
    await this.#destroy(workspace_id, context);
    return { workspace_id };
  }

  /** Lets the keeper remove it, which it may be about to get; one that cannot is killed. */
  async #destroy(workspace_id: string, context: CallOptions): Promise<void> {
    const { directory, keeperRecord } = this.#host.store.paths.partsOf(workspace_id);
    await this.#unkept.removeSoon(workspace_id, 2 * GRACE_MS, async () => {
      try {
        await withDeadline(GRACE_MS, context.signal, (signal) =>
          callKeeper(directory, "delete", {}, { ...context, signal }),
        );
      } catch (thrown) {
        if (context.signal.aborted) throw thrown;
        new KeeperRecord(keeperRecord).kill();
      }
    });
  }

  /** Removes what is past its time, was never finished, or cannot be read. */
  async reapExpired(): Promise<{ removed: Reaped[] }> {
    return { removed: await this.#reaper.reap() };
  }

  #keep({ workspace_id }: WorkspaceRecord): Promise<void> {
    return this.#launch(workspace_id, this.#host.store.paths.partsOf(workspace_id));
  }

  /** The workspace of that id or name; one whose time is over is removed. */
  async #find(workspace: string): Promise<WorkspaceRecord> {
    const record = this.#host.store.find(workspace);
    const reason = this.#reaper.reasonFor(record);
    if (reason === undefined || !(await this.#unkept.remove(record))) return record;
    if (reason === "unfinished") throw notFound(workspace);
    throw new PyroError("workspace_expired", `"${workspace}" reached the end of its time to live`, {
      details: { workspace_id: record.workspace_id, expires_at: record.expires_at },
    });
  }

  #findDamagedToo(workspace: string): { workspace_id: string } {
    const { store } = this.#host;
    const damaged = store.list().damaged.find((one) => one.workspace_id === workspace);
    return damaged ?? store.find(workspace);
  }

  async #view(record: WorkspaceRecord): Promise<WorkspaceStatus | undefined> {
    const { store } = this.#host;
    const paths = store.paths.partsOf(record.workspace_id);
    const seen = await observe(record, paths);
    // Whoever kept it may have changed the record, or removed it, as it went.
    const now = store.current(record.workspace_id);
    if (now === undefined) return undefined;
    if (seen !== undefined) return statusOf(now, seen);
    return this.#reaper.reasonFor(now) === undefined ? statusOf(now, resting(now, paths)) : undefined;
  }
}

const compare = (one: string, other: string): number => Number(one > other) - Number(one < other);
