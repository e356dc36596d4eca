/** The services of a workspace as they are written down since its last reset. Like the history of commands, it survives its keeper, not a power cut. */
import { PyroError } from "../../contract/errors.ts";
import type { PublishedPort } from "../../network/published-ports.ts";
import { ensureDirectory } from "../../platform/directories.ts";
import { listDirectory, readJson, remove } from "../../platform/files.ts";
import { replaceFile } from "../../platform/quick-files.ts";
import { type ServicePaths, serviceOfFile, servicePaths } from "../../store/service-paths.ts";
import type { CommandLog } from "../history/command-log.ts";
import { CommandHistory } from "../history/history.ts";
import { tolerably } from "../live/journal.ts";
import { cutShort, newServiceRecord, type ServiceRecord, type ServiceView, serviceRecord } from "./service-record.ts";

/** Output of all services together (docs/design/limits.md): more than the first and last files of all that may run. */
const OUTPUT_LIMITS = { output_bytes: 128 * 1_048_576, commands: 1_000 };

/** The two logs of a service. */
export interface ServiceLogs {
  readonly stdout: CommandLog;
  readonly stderr: CommandLog;
}

export class ServiceBook {
  readonly #paths: ServicePaths;
  readonly #output: CommandHistory;
  readonly #records = new Map<string, ServiceRecord>();

  private constructor(paths: ServicePaths, output: CommandHistory) {
    this.#paths = paths;
    this.#output = output;
    for (const record of recordsIn(paths)) this.#records.set(record.name, record);
  }

  /** Opens the book in a history's directory, or begins one. Services that were running then were cut short. */
  static open(history: string): ServiceBook {
    const paths = servicePaths(history);
    for (const path of [paths.directory, paths.records]) ensureDirectory(path);
    return new ServiceBook(paths, CommandHistory.open(paths.output, undefined, OUTPUT_LIMITS));
  }

  /** The book as it is on disk, for whoever does not keep it. */
  static read(history: string): ServiceBook {
    const paths = servicePaths(history);
    return new ServiceBook(paths, CommandHistory.read(paths.output));
  }

  /** All services, oldest start first. */
  list(): ServiceRecord[] {
    return [...this.#records.values()].sort((a, b) => a.stdout_log - b.stdout_log);
  }

  /** The service of that name. Throws `service_not_found`. */
  find(name: string): ServiceRecord {
    const record = this.#records.get(name);
    if (record !== undefined) return record;
    throw new PyroError("service_not_found", `No service is called "${name}"`, { details: { service_name: name } });
  }

  logsOf({ stdout_log, stderr_log }: ServiceRecord): ServiceLogs {
    return { stdout: this.#output.find(stdout_log), stderr: this.#output.find(stderr_log) };
  }

  /** Writes down that a service starts; what an earlier one of that name left is forgotten. */
  begin(name: string, command: readonly string[], cwd: string): ServiceRecord {
    this.forget(name);
    const stdout_log = this.#output.begin(command, cwd).sequence;
    const stderr_log = this.#output.begin(command, cwd).sequence;
    const record = newServiceRecord(name, command, cwd, { stdout_log, stderr_log });
    this.save(record);
    return record;
  }

  /** A disk that does not take it keeps nobody from running it. */
  save(record: ServiceRecord): void {
    this.#records.set(record.name, record);
    tolerably(() => replaceFile(this.#paths.record(record.name), JSON.stringify(record)));
  }

  /** Forgets one that has ended, with what it printed. */
  forget(name: string): void {
    const record = this.#records.get(name);
    if (record === undefined) return;
    for (const sequence of [record.stdout_log, record.stderr_log]) {
      const log = this.#output.get(sequence);
      if (log !== undefined) this.#output.forget(log);
    }
    this.#records.delete(name);
    tolerably(() => remove(this.#paths.record(name)));
  }

  /** What is said of a service with these ports. */
  viewOf(record: ServiceRecord, published_ports: readonly PublishedPort[] = []): ServiceView {
    const { schema_version: _version, stdout_log, stderr_log, ...shown } = record;
    const stdout_bytes = this.#output.get(stdout_log)?.record.stdout_bytes ?? 0;
    const stderr_bytes = this.#output.get(stderr_log)?.record.stderr_bytes ?? 0;
    return { ...shown, published_ports, stdout_bytes, stderr_bytes };
  }
}

/** Those that can be read; one that cannot is passed over. */
function recordsIn({ records, record }: ServicePaths): ServiceRecord[] {
  return listDirectory(records).flatMap((file) => {
    const name = serviceOfFile(file);
    if (name === undefined) return [];
    const found = readQuietly(record(name));
    return found?.name === name ? [cutShort(found)] : [];
  });
}

function readQuietly(path: string): ServiceRecord | undefined {
  try {
    const read = readJson(path, serviceRecord);
    return read.state === "whole" ? read.value : undefined;
  } catch {
    return undefined;
  }
}
