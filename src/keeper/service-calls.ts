/** The services of workspaces as the operations see them: asked of the keeper, or read where nobody keeps the workspace. */
import { PyroError } from "../contract/errors.ts";
import type { WorkspaceRecord } from "../store/workspace-record.ts";
import type { WorkspaceStore } from "../store/workspace-store.ts";
import type { ServiceInput } from "../workspaces/live/serving.ts";
import { OutputCapture } from "../workspaces/output-capture.ts";
import { ServiceBook } from "../workspaces/services/service-book.ts";
import { type OutputInput, passOn } from "../workspaces/services/service-output.ts";
import type { ServiceView } from "../workspaces/services/service-record.ts";
import type { WorkspaceStatus } from "../workspaces/workspace-view.ts";
import type { CallOptions } from "./control-client.ts";
import type { KeeperCalls } from "./keeper-calls.ts";

/** What of all workspaces it uses. */
export interface ServiceHost {
  readonly store: WorkspaceStore;
  readonly calls: KeeperCalls;
  find(workspace: string): Promise<WorkspaceRecord>;
  list(): Promise<{ readonly workspaces: readonly WorkspaceStatus[] }>;
}

/** What a service printed, and how it is. */
export interface ServiceLogsResult extends ServiceView {
  readonly stdout: string;
  readonly stderr: string;
  readonly truncated: boolean;
}

export class ServiceCalls {
  readonly #host: ServiceHost;

  constructor(host: ServiceHost) {
    this.#host = host;
  }

  /** Starts a service, and resolves when it is ready. */
  async start(workspace: string, input: ServiceInput, context: CallOptions): Promise<ServiceView> {
    const record = await this.#host.find(workspace);
    try {
      return await this.#host.calls.call(record, "startService", input, context);
    } catch (thrown) {
      throw await this.#withHolder(thrown);
    }
  }

  /** All of them; of a workspace that does not run those that it had. */
  async list(workspace: string, context: CallOptions): Promise<{ services: ServiceView[] }> {
    const record = await this.#host.find(workspace);
    const answered = await this.#host.calls.try(record, "listServices", {}, context);
    if (answered !== undefined) return answered.result;
    const book = this.#bookOf(record);
    return { services: book.list().map((one) => book.viewOf(one)) };
  }

  async status(workspace: string, name: string, context: CallOptions): Promise<ServiceView> {
    const { services } = await this.list(workspace, context);
    const service = services.find((one) => one.name === name);
    if (service !== undefined) return service;
    throw new PyroError("service_not_found", `No service is called "${name}"`, { details: { service_name: name } });
  }

  /** What it printed, handed on as it is read; the result has its beginning and its end. */
  async logs(workspace: string, name: string, input: OutputInput, context: CallOptions): Promise<ServiceLogsResult> {
    const record = await this.#host.find(workspace);
    const captures = { stdout: new OutputCapture(), stderr: new OutputCapture() };
    const emit: CallOptions["emit"] = (event) => {
      if ("data" in event) captures[event.type].push(Buffer.from(event.data));
      return context.emit(event);
    };
    const answered = await this.#host.calls.try(record, "serviceOutput", { name, ...input }, { ...context, emit });
    const { truncated, ...view } = answered?.result ?? (await this.#written(record, name, input, { ...context, emit }));
    const { stdout, stderr } = captures;
    const isCut = truncated || stdout.truncated || stderr.truncated;
    return { ...view, stdout: stdout.text(), stderr: stderr.text(), truncated: isCut };
  }

  async stop(workspace: string, name: string, grace_seconds: number, context: CallOptions): Promise<ServiceView> {
    const record = await this.#host.find(workspace);
    const answered = await this.#host.calls.try(record, "stopService", { name, grace_seconds }, context);
    return answered?.result ?? this.status(record.workspace_id, name, context);
  }

  /** Names of the services that a workspace has had since its last reset. */
  async names(workspace: string): Promise<string[]> {
    return this.#bookOf(await this.#host.find(workspace))
      .list()
      .map(({ name }) => name);
  }

  async #written(record: WorkspaceRecord, name: string, input: OutputInput, context: CallOptions) {
    const book = this.#bookOf(record);
    const service = book.find(name);
    const truncated = await passOn(book.logsOf(service), { ...input, follow: false }, context);
    return { ...book.viewOf(service), truncated };
  }

  #bookOf({ workspace_id, reset_count }: WorkspaceRecord): ServiceBook {
    return ServiceBook.read(this.#host.store.paths.partsOf(workspace_id).history(reset_count));
  }

  /** A port that another workspace publishes is named with it. */
  async #withHolder(thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof PyroError) || thrown.code !== "port_taken") return thrown;
    const { host_port } = thrown.details;
    const { workspaces } = await this.#host.list();
    const [found] = workspaces.flatMap(({ workspace_id, name, published_ports }) =>
      published_ports
        .filter((port) => port.host_port === host_port)
        .map(({ service }) => ({ workspace_id, name, service })),
    );
    if (found === undefined) return thrown;
    const whose = `the service "${found.service}" of the workspace "${found.name ?? found.workspace_id}"`;
    return new PyroError("port_taken", `Port ${String(host_port)} of this machine is published by ${whose}`, {
      details: { host_port, workspace_id: found.workspace_id, service_name: found.service },
    });
  }
}
