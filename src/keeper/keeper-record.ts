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

  /** Notes this process: the workspace's keeper, or whoever is about to find it one. */
  write(): void {
    const { pid } = process;
    atomicWrite(this.#path, JSON.stringify({ pid, start_time: startTime(pid) ?? "", boot_id: bootId() }));
  }

  /** The process that was noted, as long as it is that one and not another with its number. */
  pid(): number | undefined {
    const read = this.#read();
    if (read.state !== "whole" || read.value.boot_id !== bootId()) return undefined;
    return startTime(read.value.pid) === read.value.start_time ? read.value.pid : undefined;
  }

  /** Whether it is this process that was noted. */
  isOurs(): boolean {
    return this.pid() === process.pid;
  }

  /** Kills it, and with it its machine. */
  kill(): void {
    const pid = this.pid();
    if (pid !== undefined && pid !== process.pid) killProcess(pid);
  }

  #read() {
    try {
      return readJson(this.#path, keeperRecord);
    } catch {
      return { state: "absent" } as const;
    }
  }
}
