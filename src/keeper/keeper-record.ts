/** Which process keeps a workspace, told apart from any other that gets its number later. */
import { z } from "zod";
import { atomicWrite, readJson } from "../platform/files.ts";
import { bootId } from "../platform/host.ts";
import { killProcess, startTime } from "../platform/process-facts.ts";

const keeperRecord = z.strictObject({ pid: z.int(), start_time: z.string(), boot_id: z.string() });

export class KeeperRecord {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Notes this process. */
  write(): void {
    const { pid } = process;
    atomicWrite(this.#path, JSON.stringify({ pid, start_time: startTime(pid) ?? "", boot_id: bootId() }));
  }

  /** The process that was noted, as long as it is that one and not another with its number. */
  pid(): number | undefined {
    const read = readJson(this.#path, keeperRecord);
    if (read.state !== "whole" || read.value.boot_id !== bootId()) return undefined;
    return startTime(read.value.pid) === read.value.start_time ? read.value.pid : undefined;
  }

  /** Kills it, and with it its machine. */
  kill(): void {
    const pid = this.pid();
    if (pid !== undefined) killProcess(pid);
  }
}
