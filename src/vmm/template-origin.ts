/** What a template was made from. A machine may only be restored where all of it is as it was. */
import { createHash } from "node:crypto";
import { z } from "zod";

/** Everything that a template depends on; each part is compared as text or number. */
export const templateOrigin = z.strictObject({
  /** Name of the environment */
  environment: z.string(),
  /** Digest of its root image */
  environment_digest: z.string(),
  /** Digest of the guest's kernel */
  kernel: z.string(),
  /** Hash of the agent's binary */
  agent: z.string(),
  /** Identity of the VMM's binary */
  vmm: z.string(),
  /** Identity of the host's CPU where guests see it */
  cpu: z.string(),
  /** Hash of the VMM's arguments and of the layout of the initramfs */
  machine: z.string(),
  acceleration: z.enum(["kvm", "tcg"]),
  vcpu_count: z.int(),
  mem_mib: z.int(),
});

export type TemplateOrigin = Readonly<z.infer<typeof templateOrigin>>;

/** What a change of a part means to a person; the first that applies is the cause of those behind it. */
const reasons: readonly (readonly [keyof TemplateOrigin, string])[] = [
  ["environment_digest", "environment changed"],
  ["kernel", "kernel changed"],
  ["vmm", "QEMU changed"],
  ["acceleration", "KVM has become usable, or is no longer"],
  ["agent", "pyro upgraded"],
  ["machine", "pyro upgraded"],
  ["cpu", "the host's CPU changed"],
];

/** The name under which a template of this origin is kept: 32 hexadecimal digits. */
export function templateKey(origin: TemplateOrigin): string {
  const parts = templateOrigin.keyof().options.map((part) => `${part}=${origin[part]}\n`);
  return createHash("sha256").update(parts.join("")).digest("hex").slice(0, 32);
}

/** Whether both are for the same environment and shape, so that one can have taken the other's place. */
export function hasSamePurpose(one: TemplateOrigin, other: TemplateOrigin): boolean {
  const purpose = ["environment", "vcpu_count", "mem_mib"] as const;
  return purpose.every((part) => one[part] === other[part]);
}

/** Why a template of the origin `was` does not serve where `is` is needed, in words; empty where it does. */
export function changes(was: TemplateOrigin, is: TemplateOrigin): string[] {
  return [...new Set(reasons.filter(([part]) => was[part] !== is[part]).map(([, reason]) => reason))];
}

/** How far two measurements of one clock's frequency may be apart, in parts per million. */
const CLOCK_PPM = 100;

/** Whether a guest that was booted on a clock of `was` kHz can go on with one of `is` kHz. */
export function isSameClock(was: number, is: number): boolean {
  return Math.abs(was - is) * 1_000_000 <= was * CLOCK_PPM;
}
