/** What a QEMU can do, by its version. */
import { runProgram } from "../platform/programs.ts";

const VERSION_MS = 10_000;
/** `rom=off` of a file in memory came with QEMU 8.2: only since then can the file be opened for reading alone. */
const READ_ONLY_MEMORY = { major: 8, minor: 2 } as const;

/** Whether this QEMU can map a guest's memory copy-on-write from a file that it may not write. */
export async function mapsReadOnlyMemory(qemu: string, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await runProgram(qemu, ["--version"], { signal, timeout_ms: VERSION_MS });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(stdout) ?? [];
  const { major: since, minor: sinceMinor } = READ_ONLY_MEMORY;
  return Number(major) > since || (Number(major) === since && Number(minor) >= sinceMinor);
}
