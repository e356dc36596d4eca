/** Frequency of the host's time stamp counter: measured once per host boot by the agent binary, since Node cannot read the counter. */
import { z } from "zod";
import { PyroError } from "../contract/errors.ts";
import { atomicWrite, readJson } from "../platform/files.ts";
import { bootId } from "../platform/host.ts";
import { runProgram } from "../platform/programs.ts";

const record = z.strictObject({
  schema_version: z.literal(1),
  boot_id: z.string(),
  tsc_khz: z.int().min(100_000).max(20_000_000),
});

/** The frequency in kHz; `path` remembers it, `agent` measures it. */
export async function tscKhz(path: string, agent: string): Promise<number> {
  const boot_id = bootId();
  const read = readJson(path, record);
  if (read.state === "whole" && read.value.boot_id === boot_id) return read.value.tsc_khz;
  const measured = await runProgram(agent, ["tsc-khz"], { timeout_ms: 10_000 });
  const fresh = record.safeParse({ schema_version: 1, boot_id, tsc_khz: Number(measured.stdout.trim()) });
  if (!fresh.success) {
    throw new PyroError(
      "host_unsupported",
      `The host's time stamp counter could not be measured: "${measured.stdout.trim()}"`,
    );
  }
  atomicWrite(path, JSON.stringify(fresh.data));
  return fresh.data.tsc_khz;
}
