/** Facts about the host that figures depend on; nothing that names it. */
import { cpus, loadavg } from "node:os";
import { hostFacts } from "../src/platform/host.ts";
import { findProgram, runProgram } from "../src/platform/programs.ts";
import type { BenchContext } from "./context.ts";

const BYTES_PER_MIB = 1_048_576;

/** What the figures were taken on. */
export interface BenchHost {
  readonly cpu_model: string;
  readonly cpu_count: number;
  readonly memory_mib: number;
  /** Version of the kernel, without the suffix of who built it */
  readonly kernel: string;
  readonly qemu_version: string;
  readonly node_version: string;
  readonly execution_mode: string;
  /** Load of the last minute before anything was measured: other work makes every figure worse */
  readonly load_at_start: number;
}

export async function benchHost(context: BenchContext): Promise<BenchHost> {
  const load_at_start = loadavg()[0] ?? 0;
  const facts = hostFacts();
  const version = await runProgram(findProgram("qemu-system-x86_64"), ["--version"], { signal: context.signal });
  return {
    cpu_model: cpus()[0]?.model.trim() ?? "unknown",
    cpu_count: cpus().length,
    memory_mib: Math.round(facts.memory_total_bytes / BYTES_PER_MIB),
    kernel: /^[\d.]+/.exec(facts.kernel)?.[0] ?? "unknown",
    qemu_version: /version (\S+)/.exec(version.stdout)?.[1] ?? "unknown",
    node_version: process.versions.node,
    execution_mode: await context.executionMode(),
    load_at_start,
  };
}
