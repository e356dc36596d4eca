/** What a QEMU can do, by its version: asked of the binary once, and remembered for as long as the binary is the same. */
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { atomicWrite, readJson } from "../platform/files.ts";
import { fileIdentity } from "../platform/host.ts";
import { runProgram } from "../platform/programs.ts";

const VERSION_MS = 10_000;

const version = z.strictObject({ major: z.int().min(0), minor: z.int().min(0) });
const record = z.strictObject({ schema_version: z.literal(1), vmm: z.string(), version });

export type QemuVersion = Readonly<z.infer<typeof version>>;

/** The version of the binary at `qemu`; `path` remembers it. Throws `host_unsupported` where it does not say. */
export async function qemuVersion(path: string, qemu: string): Promise<QemuVersion> {
  const vmm = fileIdentity(qemu);
  const read = readJson(path, record);
  if (read.state === "whole" && read.value.vmm === vmm) return read.value.version;
  const { stdout } = await runProgram(qemu, ["--version"], { timeout_ms: VERSION_MS });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout) ?? [];
  if (major === undefined) throw new PyroError("host_unsupported", `"${qemu}" does not say its version`);
  const found = { major: Number(major), minor: Number(minor) };
  remember(path, { schema_version: 1, vmm, version: found });
  return found;
}

/** What cannot be remembered is asked for again next time. */
function remember(path: string, value: z.infer<typeof record>): void {
  try {
    atomicWrite(path, JSON.stringify(value));
  } catch (thrown) {
    if (!(thrown instanceof PyroError)) throw thrown;
  }
}

/** Whether it can map a guest's memory copy-on-write from a file that it may not write: `rom=off` came with 8.2. */
export function mapsReadOnlyMemory(of: QemuVersion): boolean {
  return isAtLeast(of, 8, 2);
}

/** Whether its emulated CPU is better off without ERMS: it is slow before 9.0, and a guest without it hangs in 10.0. */
export function needsErmsOff(of: QemuVersion): boolean {
  return !isAtLeast(of, 9, 0);
}

function isAtLeast(of: QemuVersion, major: number, minor: number): boolean {
  return of.major > major || (of.major === major && of.minor >= minor);
}
