/** Whether KVM is usable: the real kernel must have reached the agent under it, once per host boot, kernel and VMM. */
import { z } from "zod";
import { PyroError, toPyroError } from "../contract/errors.ts";
import { atomicWrite, readJson } from "../platform/files.ts";
import { bootId, deviceAccess, fileIdentity } from "../platform/host.ts";
import type { Machine } from "./machine.ts";
import { bootDeadlineMs } from "./qemu.ts";
import type { Acceleration } from "./qemu-args.ts";

/** Time in which a guest under KVM must have reached its agent, in milliseconds: ten times what a slow host needs. */
export const KVM_PROBE_MS = 5_000;

const verdictSchema = z.strictObject({
  schema_version: z.literal(1),
  boot_id: z.string(),
  kernel: z.string(),
  vmm: z.string(),
  usable: z.boolean(),
  reason: z.string(),
  tried_at: z.string(),
});

/** What trying KVM gave. */
export type KvmVerdict = Pick<z.infer<typeof verdictSchema>, "usable" | "reason" | "tried_at">;

export interface KvmProbe {
  /** File that remembers the verdict */
  readonly record: string;
  /** Digest of the kernel that guests boot */
  readonly kernel: string;
  /** Absolute path of the VMM */
  readonly vmm: string;
  /** Whether the caller takes nothing but KVM: then a machine has the time of any other boot, and an old refusal does not count */
  readonly demanded: boolean;
  /** Boots a throw-away machine under KVM; rejects when it does not get there */
  boot(deadline_ms: number): Promise<Machine>;
}

/** The remembered verdict where it still applies, else a fresh one; `again` tries in any case. */
export async function kvmVerdict(probe: KvmProbe, again = false): Promise<KvmVerdict> {
  const access = deviceAccess("/dev/kvm");
  if (access !== "ok")
    return verdict(false, access === "missing" ? "there is no /dev/kvm" : "/dev/kvm may not be opened by this user");
  const key = { boot_id: bootId(), kernel: probe.kernel, vmm: fileIdentity(probe.vmm) };
  const remembered = again ? undefined : recall(probe.record);
  if (remembered !== undefined && same(remembered, key) && (remembered.usable || !probe.demanded)) return remembered;
  const fresh = await tryKvm(probe);
  atomicWrite(probe.record, JSON.stringify({ schema_version: 1, ...key, ...fresh }));
  return fresh;
}

/** What a caller or PYRO_ACCEL demands, else KVM where it is usable. Throws `kvm_unavailable` where KVM is demanded in vain. */
export function chooseAcceleration(demanded: string | undefined, found: KvmVerdict): Acceleration {
  if (demanded === "tcg") return "tcg";
  if (demanded === "kvm" && !found.usable) {
    throw new PyroError("kvm_unavailable", `PYRO_ACCEL=kvm, and KVM is not usable: ${found.reason}`, {
      hint: "Unset PYRO_ACCEL",
    });
  }
  return found.usable ? "kvm" : "tcg";
}

async function tryKvm(probe: KvmProbe): Promise<KvmVerdict> {
  const deadline_ms = probe.demanded ? bootDeadlineMs.kvm : KVM_PROBE_MS;
  try {
    const machine = await probe.boot(deadline_ms);
    await machine.kill();
    return verdict(true, "a guest booted under KVM");
  } catch (thrown) {
    const error = toPyroError(thrown);
    if (error.code === "cancelled") throw error;
    const reason = error.code === "boot_timeout" ? `a guest under KVM hung for ${deadline_ms / 1000} s` : error.message;
    return verdict(false, reason);
  }
}

function recall(record: string): z.infer<typeof verdictSchema> | undefined {
  const read = readJson(record, verdictSchema);
  return read.state === "whole" ? read.value : undefined;
}

function same(record: z.infer<typeof verdictSchema>, key: { boot_id: string; kernel: string; vmm: string }): boolean {
  return record.boot_id === key.boot_id && record.kernel === key.kernel && record.vmm === key.vmm;
}

function verdict(usable: boolean, reason: string): KvmVerdict {
  return { usable, reason, tried_at: new Date().toISOString() };
}
