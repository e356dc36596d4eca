/** One workspace while it runs: its record, its machine, and the order of what happens to it. Exactly one process has it at a time. */
import { PyroError, toPyroError } from "../../contract/errors.ts";
import { ensureDirectory } from "../../platform/directories.ts";
import { remove } from "../../platform/files.ts";
import { touch } from "../../platform/named-files.ts";
import type { WorkspacePaths } from "../../store/paths.ts";
import type { DiskLayer, WorkspaceRecord } from "../../store/workspace-record.ts";
import type { WorkspaceStore } from "../../store/workspace-store.ts";
import { type Baseline, openBaseline } from "../baseline/baseline.ts";
import { Commands } from "../commands/commands.ts";
import { DiskLayers } from "../disk-layers.ts";
import { Egress } from "../egress.ts";
import type { GuestTree } from "../guest-tree.ts";
import { CommandHistory } from "../history/history.ts";
import type { MachineSource, WorkContext } from "../machine-source.ts";
import { KeptSecrets } from "../secrets/kept-secrets.ts";
import { Services } from "../services/services.ts";
import { MachineSession } from "../session.ts";
import { Shells } from "../shells/shells.ts";
import { lastActivity } from "./activity.ts";
import type { HostNetworks } from "./host-networks.ts";
import { Journal, tolerably } from "./journal.ts";
import { Order } from "./order.ts";

/** How long a guest may take to write everything to its disk before it is ended, in milliseconds (docs/design/limits.md). */
const FLUSH_MS = 10_000;

/** What of the host a workspace lives on. */
export interface WorkspaceHost extends HostNetworks {
  readonly store: WorkspaceStore;
  readonly guests: MachineSource;
  readonly hostCages: MachineSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Memory that is left for machines, in bytes; undefined where that is not known */
  readonly availableMemory: () => number | undefined;
}

export class LiveWorkspace {
  readonly paths: WorkspacePaths;
  readonly host: WorkspaceHost;
  readonly order = new Order();
  /** The layers of its disk; undefined where it runs in a cage, which has none */
  readonly disk: DiskLayers | undefined;
  /** Its secrets, and what is kept out of everything that is said of it */
  readonly secrets: KeptSecrets;
  /** Its shells since its last reset */
  readonly shells = new Shells(() => this.session);
  #commands: Commands | undefined;
  #services: Services | undefined;
  #egress: Egress | undefined;
  /** Called when its machine has ended and nobody asked for that. */
  onLost: (error: PyroError) => void = () => {};
  #record: WorkspaceRecord;
  #session: MachineSession | undefined;
  /** Those that were ended on purpose */
  readonly #closed = new WeakSet<MachineSession>();
  #baseline: Baseline | undefined;
  /** Why nothing can be done with it any more */
  #over: PyroError | undefined;

  constructor(host: WorkspaceHost, record: WorkspaceRecord) {
    this.host = host;
    this.#record = record;
    this.paths = host.store.paths.partsOf(record.workspace_id);
    this.secrets = new KeptSecrets(host.store.paths, record);
    this.disk = this.source.disks && new DiskLayers(this.paths, this.source.disks);
  }

  get record(): WorkspaceRecord {
    return this.#record;
  }

  get source(): MachineSource {
    return this.#record.is_host_compat ? this.host.hostCages : this.host.guests;
  }

  /** Its commands since its last reset. */
  get commands(): Commands {
    this.#commands ??= new Commands({
      workspace_id: this.#record.workspace_id,
      mem_mib: this.#record.mem_mib,
      history: CommandHistory.open(this.paths.commands(this.#record.reset_count)),
      session: () => this.session,
      redactor: () => this.secrets.known.redactor,
      denials: this.egress.book,
    });
    return this.#commands;
  }

  /** Its way out since its last reset. */
  get egress(): Egress {
    this.#egress ??= new Egress(this.#record, this.host.surroundings);
    return this.#egress;
  }

  /** Its services since its last reset. */
  get services(): Services {
    const { workspace_id, mem_mib, network_policy, reset_count } = this.#record;
    this.#services ??= new Services({
      workspace_id,
      mem_mib,
      history: this.paths.history(reset_count),
      may_publish: network_policy === "egress+published-ports",
      session: () => this.session,
      redactor: () => this.secrets.known.redactor,
    });
    return this.#services;
  }

  /** How many services there are, how many of them run, and what they publish. */
  get servicesInSight(): Pick<Services, "count" | "running" | "ports"> {
    return this.#services ?? { count: 0, running: 0, ports: [] };
  }

  /** Has services end by themselves, before the machine is stopped. */
  async stopServices(reason: string): Promise<void> {
    await this.#services?.stopAll(reason);
  }

  /** How many commands there were since the last reset. */
  get commandCount(): number {
    return this.#commands?.count ?? 0;
  }

  /** Ends what runs, services too; its callers get their results. */
  async cancelCommands(reason: string): Promise<void> {
    this.shells.endAll();
    await Promise.all([this.#commands?.cancelAll(reason), this.#services?.killAll(reason)]);
  }

  /** Waits for the commands and services of a machine that is gone: each says so itself. */
  async commandsEnded(): Promise<void> {
    await Promise.all([this.#commands?.ended(), this.#services?.ended()]);
  }

  /** Begins its history anew; what was running has been cancelled. */
  beginHistory(): void {
    this.#commands = undefined;
    this.#services = undefined;
    this.shells.forgetAll();
    this.#egress = undefined;
    const path = this.paths.history(this.#record.reset_count);
    remove(path);
    ensureDirectory(path);
  }

  /** What was done to it since its last reset. */
  get journal(): Journal {
    return new Journal(this.paths.journal(this.#record.reset_count), this.secrets.known.redactor);
  }

  /** Variables of a command with the values of secrets, each by the secret's name. Throws `secret_not_found`, `secret_invalid`. */
  secretEnv(variables: Readonly<Record<string, string>> | undefined): Record<string, string> {
    return this.secrets.known.env(variables);
  }

  /** Writes part of its record anew, durably. */
  change(part: Partial<WorkspaceRecord>): void {
    const record = { ...this.#record, ...part };
    this.host.store.write(record);
    this.#record = record;
  }

  /** A change that was made is made, whether its time can be noted or not. */
  noteActivity(): void {
    tolerably(() => touch(this.paths.activity));
  }

  /** Time of its last change. */
  lastActivity(): string {
    return lastActivity(this.#record, this.paths);
  }

  /** The host's copy of its seed; undefined where it began empty. */
  baseline(): Baseline | undefined {
    if (this.#record.seed === null || this.#record.seed.entry_count === 0) return undefined;
    this.#baseline ??= openBaseline(this.paths.baseline);
    return this.#baseline;
  }

  /** The machine in use. Throws `workspace_stopped` where there is none, or why the workspace is over. */
  get session(): MachineSession {
    this.requireOpen();
    if (this.#session !== undefined) return this.#session;
    throw new PyroError("workspace_stopped", `"${this.#record.workspace_id}" does not run`, {
      hint: `pyro workspace start ${this.#record.workspace_id}`,
    });
  }

  /** Throws why it is over, where it is. */
  requireOpen(): void {
    if (this.#over !== undefined) throw this.#over;
  }

  /** Whether nothing can be done with it any more in this process */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  get isRunning(): boolean {
    return this.#session !== undefined;
  }

  /** Starts a machine on these layers. */
  async open(layers: readonly DiskLayer[], context: WorkContext): Promise<void> {
    this.requireOpen();
    const secrets = this.secrets.open();
    const { workspace_id, environment, image, vcpu_count, mem_mib } = this.#record;
    const request = { environment, vcpu_count, mem_mib, ...(image && { image: { name: environment, ...image } }) };
    const opened =
      this.disk === undefined
        ? await this.source.open(request, context)
        : await this.disk.withDisk(layers, (disk) => this.source.open({ ...request, disk }, context));
    const session = await MachineSession.begin(opened, workspace_id, context.signal, secrets);
    const refused = await this.egress.begin(session).then(() => this.#over, toPyroError);
    if (refused !== undefined) {
      this.egress.end();
      await session.close();
      throw refused;
    }
    this.#session = session;
    // Opened now, as its directory is there: later it may have been removed.
    void [this.commands, this.services];
    void session.lost.then((error) => {
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#egress?.end();
      this.onLost(error);
    });
  }

  /** Has the guest write back what it holds in memory; rejects where it does not in time. */
  async flush(): Promise<void> {
    await this.#session?.sync(FLUSH_MS);
  }

  /** Ends the machine, where there is one; nothing of it is left when this resolves. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#egress?.end();
    if (session !== undefined) this.#closed.add(session);
    await session?.close();
  }

  /** Ends the machine for good: whoever still uses the workspace, or would, is told why. */
  async finish(why: PyroError): Promise<void> {
    this.#over ??= why;
    await this.close();
  }

  /** Reads the machine's files beside other calls, though not while its machine is replaced. */
  async readTree<T>(use: (tree: GuestTree) => Promise<T>): Promise<T> {
    await this.order.settled();
    return this.useTree(use);
  }

  /** Uses the machine's files, by whoever's turn it is; a machine that ended meanwhile explains itself. */
  async useTree<T>(use: (tree: GuestTree) => Promise<T>): Promise<T> {
    const session = this.session;
    try {
      return await use(session.tree);
    } catch (thrown) {
      throw await this.explain(session, thrown);
    }
  }

  /** Changes the machine's files when it is its turn; noted as activity. */
  changeTree<T>(signal: AbortSignal, use: (tree: GuestTree) => Promise<T>): Promise<T> {
    return this.order.change(signal, async () => {
      const result = await this.useTree(use);
      this.noteActivity();
      return result;
    });
  }

  /** An error of a call on a machine; one that broke the protocol is not used again. */
  async explain(session: MachineSession, thrown: unknown): Promise<unknown> {
    const error = await session.explain(thrown);
    if (!(error instanceof PyroError)) return error;
    if (error.code === "guest_lost" && this.#over !== undefined) return this.#over;
    if (error.code === "protocol_violation" && this.#session === session) {
      this.#session = undefined;
      this.#egress?.end();
      await session.close();
      this.onLost(error);
    }
    if (error.code === "guest_lost" && this.#closed.has(session))
      return new PyroError("cancelled", `The machine of "${this.#record.workspace_id}" was replaced meanwhile`);
    return error;
  }

  /** Gives up what is open on the host. */
  release(): void {
    this.#baseline?.close();
    this.#baseline = undefined;
  }
}
