/** Facts about the host that are read, not assumed. */
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { arch, freemem, platform, release, totalmem } from "node:os";

/** Identity of the host's current boot. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Whether this process may open a device for reading and writing; `missing` when it is not there. */
export function deviceAccess(path: string): "ok" | "missing" | "denied" {
  if (!existsSync(path)) return "missing";
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return "ok";
  } catch {
    return "denied";
  }
}

/** Identity of a file's content as far as the file system tells: it changes with every replacement or write. */
export function fileIdentity(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

/** What the host's processor is to a guest that sees it as it is: model, microcode and features. */
export function cpuIdentity(): string {
  const first = readFileSync("/proc/cpuinfo", "utf8").split("\n\n")[0] ?? "";
  const lines = first
    .split("\n")
    .filter((line) => /^(vendor_id|cpu family|model|model name|stepping|microcode|flags)\s*:/.test(line));
  return createHash("sha256").update(lines.join("\n")).digest("hex");
}

export interface HostFacts {
  readonly platform: string;
  readonly architecture: string;
  readonly kernel: string;
  readonly memory_total_bytes: number;
  readonly memory_free_bytes: number;
}

export function hostFacts(): HostFacts {
  return {
    platform: platform(),
    architecture: arch(),
    kernel: release(),
    memory_total_bytes: totalmem(),
    memory_free_bytes: freemem(),
  };
}

/** Memory that programs can still take without others being killed or swapped out, in bytes, as the kernel estimates it; undefined where it does not say. */
export function availableMemoryBytes(): number | undefined {
  try {
    const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** Bytes that an ordinary user can still write on the file system of `path`. */
export function freeDiskBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
