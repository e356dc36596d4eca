/** Which process keeps a workspace, told apart from any other that gets its number later. */
import { z } from "zod";
import { atomicWrite, readJson } from "../platform/files.ts";
import { bootId } from "../platform/host.ts";
import { killProcess, startTime } from "../platform/process-facts.ts";

const keeperRecord = z.strictObject({
  pid: z.int(),
  start_time: z.string(),
  boot_id: z.string(),
  /** Whether it keeps the workspace; one that is about to find it a keeper has other things to do as well */
  is_keeper: z.boolean(),
});

export class KeeperRecord {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Notes this process: the workspace's keeper, or whoever is about to find it one. */
  write(is_keeper: boolean): void {
    const { pid } = process;
    atomicWrite(this.#path, JSON.stringify({ pid, start_time: startTime(pid) ?? "", boot_id: bootId(), is_keeper }));
  }

  /** The process that was noted, as long as it is that one and not another with its number. */
  pid(): number | undefined {
    return this.#noted()?.pid;
  }

  /** Whether it is this process that was noted. */
  isOurs(): boolean {
    return this.pid() === process.pid;
  }

  /** Kills a keeper, and with it its machine. */
  kill(): void {
    const noted = this.#noted();
    if (noted?.is_keeper === true && noted.pid !== process.pid) killProcess(noted.pid);
  }

  #noted(): z.infer<typeof keeperRecord> | undefined {
    const read = this.#read();
    if (read.state !== "whole" || read.value.boot_id !== bootId()) return undefined;
    return startTime(read.value.pid) === read.value.start_time ? read.value : undefined;
  }

  #read() {
    try {
      return readJson(this.#path, keeperRecord);
    } catch {
      return { state: "absent" } as const;
    }
  }
}
